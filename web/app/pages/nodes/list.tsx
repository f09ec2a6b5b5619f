import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useNavigate } from '@tanstack/react-router'
import { ArrowDownUp, SlidersHorizontal, Radio } from 'lucide-react'
import { useCallback, useDeferredValue, useEffect, useMemo, useState } from 'react'
import { useNow } from '@/format/hooks'
import { useTitle } from '@/shell/title'
import { Button } from '@/ui/button'
import { SearchField, Select } from '@/ui/field'
import { Sheet } from '@/ui/sheet'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { NodeCards } from './cards'
import { COLUMNS, columnsOf, columnsText, type ColumnName, SHOWS } from './columns'
import { useNodes } from './data'
import { choices, readable, type Row, select } from './model'
import type { NodesSearch } from './search'
import { useSettled } from './settled'
import { NodeTable } from './table'
import { useColumnTitles, useShowTitles } from './titles'
import { useIsWide } from './wide'

/** The nodes of the mesh: a table, or cards on a phone. */
export function NodesView({ search }: { readonly search: NodesSearch }) {
  const { t } = useLingui()
  useTitle(t`Nodes`)
  const navigate = useNavigate()
  const isWide = useIsWide()
  const { rows, isWhole, query } = useNodes()
  // What is silent changes with time, but not every five seconds.
  const minute = Math.floor(useNow() / 60_000) * 60_000
  const [typed, setTyped] = useState(search.q ?? '')
  const q = useDeferredValue(typed)
  const selected = useMemo(() => select(rows, { ...search, q }, minute), [rows, search, q, minute])
  const { rows: shown, isPast, settle } = useSettled(selected, JSON.stringify([search, q]))
  const change = useCallback((next: Partial<NodesSearch>) => {
    void navigate({ to: '/nodes', search: (before) => ({ ...(before as NodesSearch), ...next }), replace: true })
  }, [navigate])
  useEffect(() => {
    const timer = window.setTimeout(() => { if (typed !== (search.q ?? '')) change({ q: typed === '' ? undefined : typed }) }, 300)
    return () => { window.clearTimeout(timer) }
  }, [typed, search.q, change])

  const sort = search.sort ?? 'radio'
  const onSort = (column: ColumnName) => { change({ sort: column, desc: column === sort && search.desc !== true ? true : undefined }) }
  const clear = () => { setTyped(''); change({ q: undefined, show: undefined, role: undefined, bridge: undefined }) }

  return (
    <div className="mx-auto flex h-full w-full max-w-[110rem] flex-col gap-3 px-4 pt-4 pb-0 sm:px-6 sm:pt-6 sm:pb-4">
      <div className="flex flex-wrap items-baseline gap-x-3">
        <h1 className="text-2xl font-semibold tracking-tight"><Trans>Nodes</Trans></h1>
        <p role="status" className="tabular text-sm text-muted">
          {query.data !== undefined && (shown.length === rows.length
            ? <Plural value={rows.length} one="# node" few="# nodes" many="# nodes" other="# nodes" />
            : <Trans>{shown.length} of {rows.length}</Trans>)}
        </p>
        {isPast && <Button look="quiet" onClick={settle} className="-my-1.5 ml-auto self-center"><ArrowDownUp aria-hidden className="size-4" /><Trans>Sort again</Trans></Button>}
      </div>
      <Filters rows={rows} search={search} typed={typed} onType={setTyped} onChange={change} isWide={isWide} />
      {!isWhole && <p className="text-sm text-warn"><Trans>There are more nodes than can be listed here. Somebody may be making them up.</Trans></p>}
      {query.isPending && <SkeletonRows rows={12} />}
      {query.isError && query.data === undefined && <ErrorState error={query.error} retry={() => { void query.refetch() }} />}
      {query.data !== undefined && rows.length === 0 && <EmptyState icon={Radio} title={t`No node was heard yet`}><Trans>Nodes appear here as soon as a bridge hears them.</Trans></EmptyState>}
      {rows.length > 0 && shown.length === 0 && <EmptyState title={t`No node is like that`} action={<Button onClick={clear}><Trans>Show all nodes</Trans></Button>} />}
      {shown.length > 0 && (isWide
        ? <NodeTable rows={shown} columns={columnsOf(search.cols)} sort={sort} isDescending={search.desc === true} onSort={onSort} />
        : <NodeCards rows={shown} />)}
    </div>
  )
}

interface FiltersProps {
  readonly rows: readonly Row[]
  readonly search: NodesSearch
  readonly typed: string
  readonly onType: (text: string) => void
  readonly onChange: (next: Partial<NodesSearch>) => void
  readonly isWide: boolean
}

function Filters({ rows, search, typed, onType, onChange, isWide }: FiltersProps) {
  const { t } = useLingui()
  const [isOpen, setOpen] = useState(false)
  const shows = useShowTitles()
  const titles = useColumnTitles()
  const roles = useMemo(() => choices(rows, (node) => [node.role]), [rows])
  const bridges = useMemo(() => choices(rows, (node) => node.bridges), [rows])
  const any = { name: '', title: '' }
  const show = <Select label={t`Which nodes`} hideLabel={isWide} value={search.show ?? 'all'} onChange={(name) => { onChange({ show: name === 'all' ? undefined : name }) }} options={SHOWS.map((name) => ({ name, title: shows[name] }))} className={isWide ? 'w-52' : ''} />
  const role = <Select label={t`Role`} hideLabel={isWide} value={search.role ?? ''} onChange={(name) => { onChange({ role: name === '' ? undefined : name }) }} options={[{ ...any, title: t`Any role` }, ...roles.map((name) => ({ name, title: readable(name) }))]} className={isWide ? 'w-40' : ''} />
  const bridge = <Select label={t`Bridge`} hideLabel={isWide} value={search.bridge ?? ''} onChange={(name) => { onChange({ bridge: name === '' ? undefined : name }) }} options={[{ ...any, title: t`Any bridge` }, ...bridges.map((name) => ({ name, title: name }))]} className={isWide ? 'w-40' : ''} />
  return (
    <div className="flex flex-wrap items-center gap-2">
      <SearchField label={t`Name, id, hardware…`} value={typed} onChange={onType} className="min-w-0 flex-1 sm:max-w-sm" />
      {isWide && <>{show}{role}{bridge}</>}
      <Button onClick={() => { setOpen(true) }} className={isWide ? 'ml-auto' : ''}>
        <SlidersHorizontal aria-hidden className="size-4" />{isWide ? <Trans>Columns</Trans> : <Trans>Filter</Trans>}
      </Button>
      <Sheet open={isOpen} onClose={() => { setOpen(false) }} title={isWide ? t`Columns` : t`Filter and sort`}>
        {isWide ? <ColumnChoice search={search} onChange={onChange} /> : (
          <div className="flex flex-col gap-4">
            {show}{role}{bridge}
            <Select label={t`Sort by`} value={search.sort ?? 'radio'} onChange={(name) => { onChange({ sort: name, desc: undefined }) }} options={COLUMNS.map((name) => ({ name, title: titles[name] }))} />
            <label className="flex min-h-11 items-center gap-3 text-sm font-medium">
              <input type="checkbox" checked={search.desc === true} onChange={(event) => { onChange({ desc: event.target.checked ? true : undefined }) }} className="size-5 accent-[var(--accent)]" />
              <Trans>The other way round</Trans>
            </label>
          </div>
        )}
      </Sheet>
    </div>
  )
}

function ColumnChoice({ search, onChange }: { readonly search: NodesSearch; readonly onChange: (next: Partial<NodesSearch>) => void }) {
  const titles = useColumnTitles()
  const chosen = columnsOf(search.cols)
  return (
    <div className="flex flex-col">
      {COLUMNS.filter((column) => column !== 'name').map((column) => (
        <label key={column} className="flex min-h-11 items-center gap-3 text-sm">
          <input
            type="checkbox" checked={chosen.includes(column)} className="size-5 accent-[var(--accent)]"
            onChange={(event) => { onChange({ cols: columnsText(event.target.checked ? [...chosen, column] : chosen.filter((name) => name !== column)) }) }}
          />
          {titles[column]}
        </label>
      ))}
    </div>
  )
}
