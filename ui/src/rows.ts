// The list as rows: groups when nothing is searched, hits by how well they match when something is. Pure, so that it can be
// tested with ten thousand profiles.

import { find, pieces, type Piece } from './fuzzy';
import type { ProfileView } from './host';
import { account } from './labels';

/** What is shown of a hit, with what matched. */
export interface Marks {
  name: Piece[];
  role: Piece[] | null;
  account: Piece[] | null;
  region: Piece[] | null;
  tags: string[];
}

export type Row =
  | { kind: 'group'; key: string; title: string }
  | { kind: 'profile'; key: string; profile: ProfileView; group: string; marks: Marks | null };

const RECENT = 12;

const byUse = (a: ProfileView, b: ProfileView): number => Date.parse(b.last_used ?? '0') - Date.parse(a.last_used ?? '0') || byName(a, b);
const byName = (a: ProfileView, b: ProfileView): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const isActive = (profile: ProfileView): boolean => profile.session?.state === 'active' || profile.session?.state === 'starting';

/** Active, favourites, recent, all others. Active rows keep their place while they are used: by star, then by name. */
export function groupRows(profiles: readonly ProfileView[]): Row[] {
  const active: ProfileView[] = [];
  const favourites: ProfileView[] = [];
  const used: ProfileView[] = [];
  const others: ProfileView[] = [];
  for (const profile of profiles) {
    if (isActive(profile)) active.push(profile);
    else if (profile.favourite) favourites.push(profile);
    else if (profile.last_used) used.push(profile);
    else others.push(profile);
  }
  active.sort((a, b) => Number(b.favourite) - Number(a.favourite) || byName(a, b));
  favourites.sort(byUse);
  used.sort(byUse);
  const rest = [...used.slice(RECENT), ...others].sort(byName);
  const above = active.length + favourites.length + used.length > 0;
  return [
    ...group('Active', active),
    ...group('Favourites', favourites),
    ...group('Recent', used.slice(0, RECENT)),
    ...group(above ? 'All others' : 'All profiles', rest),
  ];
}

function group(title: string, profiles: ProfileView[]): Row[] {
  if (profiles.length === 0) return [];
  return [{ kind: 'group', key: `group ${title}`, title }, ...profiles.map((profile): Row => ({ kind: 'profile', key: profile.name, profile, group: title, marks: null }))];
}

/** Profiles made ready to be searched; made once for a snapshot. In the order of the list, so that of many equal hits those
 * stand first that would stand first without a search. */
export interface Index {
  profiles: ProfileView[];
  lines: string[];
}

const fields = (profile: ProfileView): string[] => [
  profile.name,
  profile.role_name ?? '',
  account(profile.account_id ?? ''),
  profile.account_id ?? '',
  profile.region ?? '',
  profile.tags.join(' '),
];

export function indexProfiles(profiles: readonly ProfileView[]): Index {
  const ordered = groupRows(profiles).flatMap((row) => (row.kind === 'profile' ? [row.profile] : []));
  return { profiles: ordered, lines: ordered.map((it) => fields(it).join(' ')) };
}

/** The profiles that match, best first, with what matched. */
export function searchRows(index: Index, query: string): { rows: Row[]; total: number } {
  const { found, total } = find(index.lines, query);
  const rows = found.flatMap(({ at, ranges }): Row[] => {
    const profile = index.profiles[at];
    return profile ? [{ kind: 'profile', key: profile.name, profile, group: 'Found', marks: marksOf(profile, ranges) }] : [];
  });
  return { rows, total };
}

function marksOf(profile: ProfileView, ranges: readonly number[]): Marks {
  let begin = 0;
  const [name, role, dashed, digits, region, tags] = fields(profile).map((text) => {
    const part = pieces(text, begin, ranges);
    begin += text.length + 1;
    return part;
  }) as [Piece[], Piece[], Piece[], Piece[], Piece[], Piece[]];
  const hit = (part: Piece[]): boolean => part.some((it) => it.hit);
  return {
    name,
    role: profile.role_name ? role : null,
    account: profile.account_id ? (hit(digits) ? withDashes(digits) : dashed) : null,
    region: hit(region) ? region : null,
    tags: hit(tags) ? profile.tags : [],
  };
}

/** An account is found with and without its dashes; either way the dashed one is shown. */
function withDashes(digits: Piece[]): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const { text, hit } of digits) {
    let dashed = '';
    for (const digit of text) {
      if (at === 4 || at === 8) dashed += '-';
      dashed += digit;
      at += 1;
    }
    out.push({ text: dashed, hit });
  }
  return out;
}

/** The row above or below the selected one, past the headings. */
export function neighbour(rows: readonly Row[], selected: string | null, step: number): string | null {
  const names = rows.flatMap((row) => (row.kind === 'profile' ? [row.key] : []));
  if (names.length === 0) return null;
  const at = selected === null ? -1 : names.indexOf(selected);
  if (at < 0) return names[step > 0 ? 0 : names.length - 1] ?? null;
  return names[Math.max(0, Math.min(names.length - 1, at + step))] ?? null;
}
