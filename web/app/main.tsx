import '@/styles/index.css'
import { i18n } from '@lingui/core'
import { I18nProvider } from '@lingui/react'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queries } from '@/api/queries'
import { LiveProvider } from '@/live/live'
import { followLanguage } from '@/shell/language'
import { router } from '@/shell/router'
import { followTheme } from '@/shell/theme'

const place = document.getElementById('app')
if (place === null) throw new Error('there is no place for the app')

followTheme()
await followLanguage()

createRoot(place).render(
  <StrictMode>
    <I18nProvider i18n={i18n}>
      <QueryClientProvider client={queries}>
        <LiveProvider>
          <RouterProvider router={router} />
        </LiveProvider>
      </QueryClientProvider>
    </I18nProvider>
  </StrictMode>,
)
