// The list: how it is grouped, what a search finds and marks, and where the arrows lead.

import { describe, expect, test } from 'vitest';
import { everydaySnapshot, manyProfiles, role, session } from './host/fixtures';
import type { Piece } from './fuzzy';
import { groupRows, indexProfiles, neighbour, searchRows, type Row } from './rows';

const { profiles } = everydaySnapshot();
const outline = (rows: Row[]): string[] => rows.map((row) => (row.kind === 'group' ? `# ${row.title}` : row.key));
const marked = (pieces: Piece[] | null | undefined): string => (pieces ?? []).map(({ text, hit }) => (hit ? `[${text}]` : text)).join('');
const search = (query: string) => searchRows(indexProfiles(profiles), query);
const first = (query: string) => {
  const [row] = search(query).rows;
  return row?.kind === 'profile' ? row : undefined;
};

describe('groups', () => {
  test('active, favourites, recent, all others', () => {
    expect(outline(groupRows(profiles))).toEqual([
      '# Active', 'prod-admin', 'data-lake-etl', 'staging-deploy',
      '# Favourites', 'prod-readonly', 'billing-audit',
      '# Recent', 'acme-consulting-deploy', 'staging-readonly', 'data-lake-query', 'prod-breakglass', 'northwind-support', 'sandbox-alice', 'ci-artifacts', 'alice', 'globex-migration',
      '# All others', 'default', 'legacy-reports', 'sso-developer',
    ]);
  });
  test('one group is all there is', () => expect(outline(groupRows([role('b', 'R', '1'), role('a', 'R', '1')]))).toEqual(['# All profiles', 'a', 'b']));
  test('none', () => expect(groupRows([])).toEqual([]));
  test('an active row keeps its place while tools use it', () => {
    const [a, b] = [role('a', 'R', '1', { session: session(5), last_used: '2026-01-01T00:00:00Z' }), role('b', 'R', '1', { session: session(5) })];
    const before = outline(groupRows([a, b]));
    expect(outline(groupRows([a, { ...b, last_used: '2026-11-23T14:00:00Z' }]))).toEqual(before);
  });
  test('a failed session is not active', () => expect(outline(groupRows([role('a', 'R', '1', { session: session(5, 60, { state: 'failed' }) })]))).toEqual(['# All profiles', 'a']));
});

describe('search', () => {
  test('by name, with letters left out', () => {
    expect(first('prdadm')?.key).toBe('prod-admin');
    expect(marked(first('admin')?.marks?.name)).toBe('prod-[admin]');
  });
  test('by role', () => expect(marked(first('glue')?.marks?.role)).toBe('[Glue]JobRunner'));
  test('by account, with and without dashes, shown with them', () => {
    expect(marked(first('309455')?.marks?.account)).toBe('[3094-55]21-8807');
    expect(first('3094-5521')?.key).toBe('billing-audit');
  });
  test('by region, which is shown only then', () => {
    expect(marked(first('us-east-1')?.marks?.region)).toContain('[us');
    expect(first('default')?.marks?.region).toBeNull();
  });
  test('by tag', () => expect(first('finance')?.marks?.tags).toEqual(['finance']));
  test('by words of different fields in any order', () => {
    expect(first('breakglass prod 4821')?.key).toBe('prod-breakglass');
    expect(first('4821 breakglass')?.key).toBe('prod-breakglass');
  });
  test('nothing', () => expect(search('zzzz')).toEqual({ rows: [], total: 0 }));
  test.each(['(', '[a', '*', '\\', '"x', '-a', '…'])('%s is a text, not a pattern', (query) => expect(() => search(query)).not.toThrow());
  test('what is marked reads as what is there', () => {
    for (const query of ['prod', 'a', 'acme 9051', 'deploy partner', 'eu-central-1']) {
      for (const row of search(query).rows) {
        if (row.kind !== 'profile') continue;
        expect(marked(row.marks?.name).replace(/[[\]]/g, '')).toBe(row.profile.name);
        if (row.marks?.account) expect(marked(row.marks.account).replace(/[[\]-]/g, '')).toBe(row.profile.account_id);
      }
    }
  });
  test('ten thousand: all are counted, the first are shown, what is exact stands first', () => {
    const index = indexProfiles([...manyProfiles(10_000), ...profiles]);
    expect(searchRows(index, 'prod').total).toBeGreaterThan(2000);
    expect(searchRows(index, 'prod').rows).toHaveLength(200);
    expect(searchRows(index, 'prod-admin').rows[0]?.key).toBe('prod-admin');
  });
});

test('the arrows go past headings and stay within the list', () => {
  const rows = groupRows(profiles);
  expect(neighbour(rows, null, 1)).toBe('prod-admin');
  expect(neighbour(rows, 'staging-deploy', 1)).toBe('prod-readonly');
  expect(neighbour(rows, 'prod-admin', -1)).toBe('prod-admin');
  expect(neighbour(rows, 'prod-admin', Number.POSITIVE_INFINITY)).toBe('sso-developer');
  expect(neighbour(rows, 'gone', -1)).toBe('sso-developer');
  expect(neighbour([], 'prod-admin', 1)).toBeNull();
});
