import { choose, expect, expectAccessible, settled, test } from './support/test'

interface PacketRow { readonly id: number; readonly from_node_id: string; readonly port_name?: string; readonly fields?: object }

test('the log of packets says what the API says, is narrowed by its URL, and goes on by itself', async ({ page, request }) => {
  await choose(page, {})
  await page.goto('/network')
  await page.getByRole('link', { name: 'Packets' }).click()
  await expect(page).toHaveURL('/network/packets')
  await settled(page)
  const rows = page.locator('[data-packet]')
  await expect(rows.first()).toBeVisible()
  const newest = Number(await rows.first().getAttribute('data-packet'))
  await expect.poll(async () => Number(await rows.first().getAttribute('data-packet')), { message: 'new packets come by themselves' }).toBeGreaterThan(newest)

  await page.getByLabel('Port').selectOption('position')
  await expect(page).toHaveURL(/port=position/)
  const { data } = (await (await request.get('/api/v1/network/packets?port=position&limit=50')).json()) as { data: PacketRow[] }
  expect(data.length).toBeGreaterThan(0)
  const sender = data[0]?.from_node_id ?? ''
  await page.getByRole('searchbox', { name: 'Node, like !a1b2c3d4' }).fill(sender)
  await expect(page).toHaveURL(new RegExp(`node=(!|%21)${sender.slice(1)}`))
  await expect(rows.first()).toContainText('Position')
  await rows.first().getByRole('button').press('Enter')
  await expect(page).toHaveURL(/packet=\d+/)
  const sheet = page.getByTestId('packet')
  await expect(sheet.getByText(sender)).toBeVisible()
  await expect(sheet.getByText('Who heard it')).toBeVisible()
  await expectAccessible(page)
  await page.reload()
  await expect(sheet).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page).not.toHaveURL(/packet=/)
  await page.emulateMedia({ colorScheme: 'dark' })
  await expectAccessible(page)
})

test('what people write is nowhere in the log', async ({ page }) => {
  await choose(page, {})
  await page.goto('/network/packets?port=text_message')
  await settled(page)
  const texts = page.locator('[data-packet]')
  for (const row of await texts.all()) await expect(row).toContainText('What people write is not in this log.')
})
