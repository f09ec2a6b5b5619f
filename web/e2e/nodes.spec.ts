import type { NodeDetail, PageNode } from '../app/api/schema'
import { choose, expect, expectAccessible, expectLooks, LENA, type Page, replayed, settled, test } from './support/test'

const isPhone = () => test.info().project.name === 'phone'

async function nodesOf(page: Page): Promise<PageNode['data']> {
  return ((await (await page.request.get('/api/v1/nodes?limit=1000')).json()) as PageNode).data
}

/** The ids of the nodes in sight, from top to bottom. */
async function inSight(page: Page): Promise<string[]> {
  return page.locator('main [data-node]').evaluateAll((rows) => rows.map((row) => [row.getBoundingClientRect().top, (row as HTMLElement).dataset['node'] ?? ''] as const).sort((a, b) => a[0] - b[0]).map(([, id]) => id))
}

test.beforeEach(async ({ page }) => { await choose(page, { theme: 'system' }) })

test('every node is there, and what is shown of it is what the API says', async ({ page }) => {
  await page.goto('/nodes?sort=name')
  await settled(page)
  const nodes = await nodesOf(page)
  await expect(page.locator('main').getByRole('status')).toHaveText(`${String(nodes.length)} nodes`)
  const stations = nodes.filter((node) => node.is_station && node.position != null && node.power?.battery_pct != null)
  expect(stations.length).toBeGreaterThan(10)
  const first = [...nodes].sort((a, b) => (a.long_name ?? '').localeCompare(b.long_name ?? '')).find((node) => node.is_station && node.power?.battery_pct != null)
  const row = page.locator(`[data-node="${first?.node_id ?? ''}"]`)
  await expect(row).toContainText(first?.long_name ?? 'nobody')
  await expect(row).toContainText(/RAK4631/)
  if (isPhone()) return
  await expect(row.locator('[data-column=position]')).toHaveText(`${(first?.position?.latitude ?? 0).toFixed(2)}° N ${(first?.position?.longitude ?? 0).toFixed(2)}° E`)
  await expect(row.locator('[data-column=mqtt]')).toHaveText('—')
  await expect(row.locator('[data-column=bridges]')).toContainText('demo')
})

test('sorting, filtering and searching stand in the URL, and a link brings them back', async ({ page }) => {
  await page.goto('/nodes')
  await settled(page)
  const nodes = await nodesOf(page)
  if (isPhone()) {
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.getByLabel('Sort by').selectOption('name')
    await page.getByLabel('Which nodes').selectOption('stations')
    await page.getByRole('button', { name: 'Close' }).click()
  } else {
    await page.getByRole('button', { name: 'Name', exact: true }).click()
    await page.getByLabel('Which nodes').selectOption('stations')
    await expect(page.getByRole('columnheader', { name: 'Name' })).toHaveAttribute('aria-sort', 'ascending')
  }
  await expect(page).toHaveURL(/show=stations/)
  await expect(page).toHaveURL(/sort=name/)
  const stations = nodes.filter((node) => node.is_station)
  const byName = stations.map((node) => [node.long_name ?? node.node_id, node.node_id] as const).sort(([a], [b]) => a.localeCompare(b, undefined, { sensitivity: 'base', numeric: true }))
  await expect.poll(async () => (await inSight(page))[0]).toBe(byName[0]?.[1])
  expect((await inSight(page)).slice(0, 5)).toEqual(byName.slice(0, 5).map(([, id]) => id))

  await page.getByRole('searchbox').fill('prum')
  await expect(page.locator('main').getByRole('status')).toHaveText(`1 of ${String(nodes.length)}`)
  await expect(page).toHaveURL(/q=prum/)
  await page.reload()
  await settled(page)
  await expect(page.getByRole('searchbox')).toHaveValue('prum')
  await expect(page.locator('main [data-node]')).toHaveCount(1)
  await page.getByRole('searchbox').fill('nobody is called so')
  await page.getByRole('button', { name: 'Show all nodes' }).click()
  await expect(page.locator('main').getByRole('status')).toHaveText(`${String(nodes.length)} nodes`)
})

test('columns are chosen, and the keyboard reaches a node', async ({ page }) => {
  test.skip(isPhone(), 'a phone has cards')
  await page.goto('/nodes')
  await settled(page)
  await expect(page.getByRole('columnheader', { name: 'First heard' })).toHaveCount(0)
  await page.getByRole('button', { name: 'Columns' }).click()
  await page.getByRole('checkbox', { name: 'First heard' }).check()
  await page.getByRole('checkbox', { name: 'Hops' }).uncheck()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('columnheader', { name: 'First heard' })).toBeVisible()
  await expect(page.getByRole('columnheader', { name: 'Hops' })).toHaveCount(0)
  await expect(page).toHaveURL(/cols=/)
  const link = page.locator('main [data-node] a').first()
  await link.focus()
  const name = (await link.textContent()) ?? ''
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(name.trim())
})

test('a node says who it is, who hears it, and which keys it had', async ({ page }) => {
  const nodes = await nodesOf(page)
  const heard = nodes.find((node) => node.is_station && node.heard_by_radio?.snr_db != null)
  const id = heard?.node_id ?? LENA
  const detail = (await (await page.request.get(`/api/v1/nodes/${id}`)).json()) as NodeDetail
  await page.goto(`/nodes/${id}`)
  await settled(page)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(detail.long_name ?? id)
  await expect(page.locator('main')).toContainText(id)
  const peers = page.getByRole('region', { name: 'Who hears it, and whom it hears' })
  for (const reception of detail.receptions) await expect(peers).toContainText(`Bridge ${reception.bridge_id}`)
  expect(detail.identities.length).toBeGreaterThan(0)
  await expect(page.getByText('Ids and keys')).toBeVisible()
  await page.locator('[data-panel=battery]').evaluate((panel) => { panel.scrollIntoView({ block: 'center' }) })
  await expect(page.locator('[data-panel=battery] .uplot svg')).toBeVisible()
  await page.getByRole('link', { name: 'Weather' }).click()
  await expect(page).toHaveURL(`/stations/${id}`)
})

test('a node that nobody heard is said to be none', async ({ page, watched }) => {
  watched.tolerate.push('404', '400')
  await page.goto('/nodes/!deadbeef')
  await expect(page.getByText('Nothing was ever heard of this node')).toBeVisible()
  await page.goto('/nodes/nonsense')
  await expect(page.getByText('Nothing was ever heard of this node')).toBeVisible()
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing, ${colorScheme}`, async ({ page }) => {
    test.slow()
    await page.emulateMedia({ colorScheme })
    for (const path of ['/nodes', `/nodes/${LENA}`]) {
      await page.goto(path)
      await settled(page)
      await expectAccessible(page)
    }
  })
}

test('it looks as it should', async ({ page }) => {
  await replayed(page, 'nodes')
  await page.goto('/nodes?sort=name')
  await expectLooks(page, 'nodes')
})

test('a node looks as it should', async ({ page }) => {
  await replayed(page, 'node')
  await page.goto('/nodes/!072a2786')
  await expectLooks(page, 'node')
})
