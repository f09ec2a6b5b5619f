import { Trans, useLingui } from '@lingui/react/macro'
import { Monitor, Moon, Settings2, Sun, UserRound } from 'lucide-react'
import { useState } from 'react'
import { Button } from '@/ui/button'
import { Select } from '@/ui/field'
import { Segmented } from '@/ui/segmented'
import { Sheet } from '@/ui/sheet'
import { useCaller } from './caller'
import { type Language, setPreferences, usePreferences } from './preferences'

const LANGUAGE_NAMES: readonly { name: Language; title: string }[] = [
  { name: 'en', title: 'English' },
  { name: 'cs', title: 'Čeština' },
  { name: 'de', title: 'Deutsch' },
]

/** Whom a demo lets one be. */
function CallerChoice() {
  const { t } = useLingui()
  const { how, id, members, choose } = useCaller()
  if (how !== 'header') return null
  return (
    <div>
      <Select
        label={t`Write as`} value={id ?? ''} onChange={(next) => { choose(next === '' ? null : next); }}
        options={[{ name: '', title: t`Nobody` }, ...members.map((member) => ({ name: member.id, title: `${member.handle} (${member.plan})` }))]}
      />
      <p className="mt-1 text-xs text-muted"><Trans>This server has no accounts yet: whoever is chosen here is believed.</Trans></p>
    </div>
  )
}

function Choices() {
  const { t } = useLingui()
  const { theme, units, language } = usePreferences()
  const icon = 'size-4'
  return (
    <div className="flex flex-col gap-6">
      <CallerChoice />
      <div>
        <p className="mb-1 text-sm font-medium"><Trans>Theme</Trans></p>
        <Segmented
          className="w-full" label={t`Theme`} value={theme} onChange={(next) => { setPreferences({ theme: next }); }}
          options={[
            { name: 'system', title: <><Monitor aria-hidden className={icon} /><Trans>System</Trans></> },
            { name: 'light', title: <><Sun aria-hidden className={icon} /><Trans>Light</Trans></> },
            { name: 'dark', title: <><Moon aria-hidden className={icon} /><Trans>Dark</Trans></> },
          ]}
        />
      </div>
      <div>
        <p className="mb-1 text-sm font-medium"><Trans>Units</Trans></p>
        <Segmented
          className="w-full" label={t`Units`} value={units} onChange={(next) => { setPreferences({ units: next }); }}
          options={[{ name: 'metric', title: '°C · km/h · hPa' }, { name: 'imperial', title: '°F · mph · inHg' }]}
        />
      </div>
      <Select label={t`Language`} value={language} onChange={(next) => { setPreferences({ language: next }); }} options={LANGUAGE_NAMES} />
    </div>
  )
}

/** The button at the top right, and what it opens: how the page looks and speaks, and in a demo who one is. */
export function Settings() {
  const { t } = useLingui()
  const [open, setOpen] = useState(false)
  const { handle } = useCaller()
  return (
    <>
      <Button look="quiet" aria-label={t`Settings`} title={t`Settings`} onClick={() => { setOpen(true); }} className="px-3">
        {handle !== null && <span className="inline-flex items-center gap-1 text-muted"><UserRound aria-hidden className="size-4" />{handle}</span>}
        <Settings2 aria-hidden className="size-5" />
      </Button>
      <Sheet open={open} onClose={() => { setOpen(false); }} title={t`Settings`}><Choices /></Sheet>
    </>
  )
}
