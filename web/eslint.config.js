import js from '@eslint/js'
import jsxA11y from 'eslint-plugin-jsx-a11y'
import reactHooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

const PAGES = ['map', 'nodes', 'station', 'messages', 'network']

export default tseslint.config(
  { ignores: ['dist', 'pages', 'e2e/results', 'app/api/schema.d.ts'] },
  js.configs.recommended,
  { files: ['**/*.{ts,tsx}'], extends: [tseslint.configs.strictTypeChecked, jsxA11y.flatConfigs.strict, reactHooks.configs.flat['recommended-latest']], languageOptions: { parserOptions: { projectService: true } } },
  {
    files: ['**/*.{ts,tsx}'],
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // Names and texts of the mesh are texts: nothing here turns a text into markup.
      'no-restricted-syntax': [
        'error',
        { selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]', message: 'text is rendered as text' },
        { selector: 'MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML)$/]', message: 'text is rendered as text' },
      ],
      'no-console': ['error', { allow: ['warn', 'error'] }],
      // A list styled with Tailwind has lost its role in some browsers; saying it again is no mistake.
      'jsx-a11y/no-redundant-roles': 'off',
    },
  },
  // What one page is made of is no other page's business.
  ...PAGES.map((page) => ({
    files: [`app/pages/${page}/**`],
    rules: { 'no-restricted-imports': ['error', { patterns: PAGES.filter((other) => other !== page).map((other) => ({ group: [`@/pages/${other}`, `@/pages/${other}/**`, `../${other}/**`], message: 'a page imports no other page' })) }] },
  })),
  { files: ['**/*.{js,mjs}', 'public/*.js'], languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly', localStorage: 'readonly', document: 'readonly', window: 'readonly', navigator: 'readonly', location: 'readonly', Buffer: 'readonly', fetch: 'readonly', setTimeout: 'readonly', setInterval: 'readonly', clearInterval: 'readonly', PerformanceObserver: 'readonly', MutationObserver: 'readonly', WheelEvent: 'readonly', requestAnimationFrame: 'readonly', performance: 'readonly' } } },
)
