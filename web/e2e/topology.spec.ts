import { choose, expect, expectAccessible, expectLooks, replayed, settled, test } from './support/test'

interface Row { readonly node_id: string; readonly bridges?: readonly object[] }
interface Traced { readonly from_node_id: string; readonly to_node_id: string }
interface LinkRow { readonly from: string; readonly to: string }

test('ways to the bridges are those of the links that the API knows', async ({ page, request }) => {
  await choose(page, {})
  await page.goto('/network')
  await page.getByRole('link', { name: 'Topology' }).click()
  await expect(page).toHaveURL('/network/topology')
  await settled(page)
  const nodes = ((await (await request.get('/api/v1/map/nodes?limit=1000')).json()) as { data: Row[] }).data
  const links = ((await (await request.get('/api/v1/links?limit=2000')).json()) as { data: LinkRow[] }).data
  const bridge = nodes.find(({ bridges }) => bridges !== undefined && bridges.length > 0)?.node_id ?? ''
  const direct = links.find(({ from, to }) => (from === bridge) !== (to === bridge))
  const other = direct?.from === bridge ? direct.to : direct?.from ?? ''
  await expect(page.locator(`[data-place="${bridge}"]`).getByRole('img', { name: 'Radio of a bridge' })).toBeVisible()
  const row = page.locator(`[data-place="${other}"]`)
  if (!nodes.some(({ node_id: id, bridges }) => id === other && bridges !== undefined && bridges.length > 0)) await expect(row.locator('[data-hops]')).toHaveText('1')

  const far = page.locator('[data-place]').filter({ has: page.getByRole('button', { name: 'Show its way' }) }).first()
  const id = await far.getAttribute('data-place')
  await far.getByRole('button', { name: 'Show its way' }).press('Enter')
  await expect(page).toHaveURL(new RegExp(`node=(!|%21)${id?.slice(1) ?? 'nobody'}`))
  await expect(page.getByTestId('way')).toContainText('dB')
  await page.reload()
  await expect(page.getByTestId('way')).toBeVisible()
  await expectAccessible(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  await expectAccessible(page)
})

test('ways that somebody traced are told step by step, those of one node or all', async ({ page, request }) => {
  await choose(page, {})
  const traced = async (query = '') => ((await (await request.get(`/api/v1/traceroutes?limit=20${query}`)).json()) as { data: Traced[] }).data
  // Now and then the owners of the demo's radios ask for ways.
  await expect.poll(async () => (await traced()).length, { timeout: 120_000 }).toBeGreaterThan(0)
  const [way] = await traced()
  const node = way?.to_node_id ?? ''
  await page.goto('/network/topology')
  await settled(page)
  const list = page.getByTestId('traced')
  await expect(list.locator('[data-traced]').first()).toContainText('dB')
  await page.goto(`/network/topology?node=${encodeURIComponent(node)}`)
  await settled(page)
  await expect.poll(async () => (await list.locator('[data-traced]').evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset['traced']))).sort())
    .toEqual((await traced(`&node_id=${encodeURIComponent(node)}`)).map(({ from_node_id: from, to_node_id: to }) => `${from} ${to}`).sort())
})

test('the topology looks as it should', async ({ page, isMobile }) => {
  test.skip(!isMobile, 'it is one drawing, in the width that there is')
  await choose(page, {})
  await replayed(page, 'topology')
  await page.goto('/network/topology')
  await expectLooks(page, 'topology')
})
