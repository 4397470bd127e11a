import { Checkbox, MenuToggle, Progress, ProgressMeasureLocation } from '@patternfly/react-core';
import { EllipsisVIcon } from '@patternfly/react-icons';
import { ActionsColumn, Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { ReactElement } from 'react';
import { _, cockpit } from './cockpit.js';
import type { Dump } from './protocol.js';
import { ageText, bytesText, originText, stateText } from './text.js';

interface Props {
  readonly mountpoint: string;
  readonly dumps: readonly Dump[];
  readonly selected: ReadonlySet<string>;
  readonly nowMs: number;
  select(tags: ReadonlySet<string>): void;
  save(tags: readonly string[]): void;
  remove(dump: Dump): void;
}

/** Every dump that waits. Names come from the dumps themselves, so they are nothing but text. */
export function DumpTable(props: Props): ReactElement {
  const { mountpoint, dumps, selected, select } = props;
  const isAll = dumps.length > 0 && dumps.every(({ tag }) => selected.has(tag));
  return (
    <Table
      aria-label={cockpit.format(_('Dumps in $0'), mountpoint)}
      variant="compact"
      gridBreakPoint="grid-lg"
    >
      <Thead>
        <Tr>
          <Th>
            <Checkbox
              id={`${mountpoint} all`}
              aria-label={_('Select all dumps')}
              isChecked={isAll}
              onChange={(_event, isSelected) =>
                select(new Set(isSelected ? dumps.map(({ tag }) => tag) : []))
              }
            />
          </Th>
          <Th modifier="nowrap">{_('Tag')}</Th>
          <Th modifier="nowrap">{_('Type')}</Th>
          <Th modifier="nowrap">{_('Suggested name')}</Th>
          <Th modifier="nowrap">{_('Size')}</Th>
          <Th modifier="nowrap">{_('Announced')}</Th>
          <Th modifier="nowrap">{_('State')}</Th>
          <Th modifier="nowrap">{_('Delivered')}</Th>
          <Th modifier="nowrap">{_('SHA-256')}</Th>
          <Th screenReaderText={_('Actions')} />
        </Tr>
      </Thead>
      <Tbody>
        {dumps.map((dump) => (
          <DumpRow key={dump.tag} dump={dump} {...props} />
        ))}
      </Tbody>
    </Table>
  );
}

function DumpRow({
  mountpoint,
  dump,
  selected,
  nowMs,
  select,
  save,
  remove,
}: Props & { readonly dump: Dump }): ReactElement {
  const { tag } = dump;
  const toggle = (isSelected: boolean): void => {
    const tags = new Set(selected);
    if (isSelected) tags.add(tag);
    else tags.delete(tag);
    select(tags);
  };
  return (
    <Tr data-tag={tag}>
      <Td>
        <Checkbox
          id={`${mountpoint} ${tag}`}
          aria-label={cockpit.format(_('Select $0'), tag)}
          isChecked={selected.has(tag)}
          onChange={(_event, isSelected) => toggle(isSelected)}
        />
      </Td>
      <Td dataLabel={_('Tag')} className="tag">
        {tag}
      </Td>
      <Td dataLabel={_('Type')}>{dump.type}</Td>
      <Td dataLabel={_('Suggested name')} modifier="breakWord">
        {dump.name ?? '—'}
      </Td>
      <Td dataLabel={_('Size')}>
        {bytesText(dump.size)} <small>{originText(dump)}</small>
      </Td>
      <Td dataLabel={_('Announced')} modifier="nowrap" title={new Date(dump.firstSeen).toLocaleString()}>
        {ageText(dump.firstSeen, nowMs)}
      </Td>
      <Td dataLabel={_('State')}>{stateText(dump.state)}</Td>
      <Td dataLabel={_('Delivered')}>
        <Delivered dump={dump} />
      </Td>
      <Td dataLabel={_('SHA-256')} modifier="nowrap">
        <abbr className="tag" title={dump.sha256 ?? _('known once the dump was read completely')}>
          {dump.sha256?.slice(0, 12) ?? '—'}
        </abbr>
      </Td>
      <Td isActionCell>
        <ActionsColumn
          actionsToggle={({ onToggle, isOpen, toggleRef }) => (
            <MenuToggle
              ref={toggleRef}
              variant="plain"
              icon={<EllipsisVIcon />}
              aria-label={cockpit.format(_('Actions for $0'), tag)}
              isExpanded={isOpen}
              onClick={onToggle}
            />
          )}
          items={[
            { title: _('Save…'), onClick: () => save([tag]) },
            { isSeparator: true },
            { title: _('Remove…'), isDanger: true, onClick: () => remove(dump) },
          ]}
        />
      </Td>
    </Tr>
  );
}

function Delivered({ dump }: { readonly dump: Dump }): ReactElement {
  if (dump.size === null || dump.size === 0) return <>{bytesText(dump.delivered)}</>;
  return (
    <Progress
      className="delivered"
      aria-label={cockpit.format(_('Delivered of $0'), dump.tag)}
      value={Math.floor((100 * dump.delivered) / dump.size)}
      measureLocation={ProgressMeasureLocation.outside}
      size="sm"
    />
  );
}
