// The list as rows: groups when nothing is searched, hits by how well they match when something is. Pure, so that it can be
// tested with ten thousand profiles.

import * as fuzzysort from 'fuzzysort';
import type { ProfileView } from './host';
import { account } from './labels';

/** A part of a text and whether it was searched for. */
export interface Piece {
  text: string;
  hit: boolean;
}

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

const byUse = (a: ProfileView, b: ProfileView): number => (b.last_used ?? '').localeCompare(a.last_used ?? '') || byName(a, b);
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

/** Profiles made ready to be searched; made once for a snapshot. */
export interface Index {
  snapshot: fuzzysort.SnapshotKeys<Entry>;
  size: number;
}
interface Entry {
  profile: ProfileView;
  account: string;
  tags: string;
}

export function indexProfiles(profiles: readonly ProfileView[]): Index {
  const entries = profiles.map((profile) => ({
    profile,
    account: profile.account_id ? account(profile.account_id) : '',
    tags: profile.tags.join(' '),
  }));
  const keys: fuzzysort.Key<Entry>[] = [
    (it) => it.profile.name,
    (it) => it.profile.role_name ?? '',
    (it) => it.account,
    (it) => it.profile.region ?? '',
    (it) => it.tags,
    (it) => it.profile.account_id ?? '',
  ];
  return { snapshot: fuzzysort.snapshot(entries, { keys }), size: entries.length };
}

/** At most this many hits are shown: nobody reads further, and the next letter narrows them. */
export const MOST_HITS = 200;

/** The profiles that match, best first, with what matched. */
export function searchRows(index: Index, query: string): { rows: Row[]; total: number } {
  const wanted = query.trim();
  if (wanted === '') return { rows: [], total: 0 };
  const found = fuzzysort.go(wanted, index.snapshot, { limit: MOST_HITS, threshold: 0.3 });
  const rows = found.map((hit): Row => {
    const { profile, account: number } = hit.obj;
    const [name, roleName, dashed, region, tags, digits] = hit;
    return {
      kind: 'profile', key: profile.name, profile, group: 'Found',
      marks: {
        name: pieces(name, profile.name),
        role: profile.role_name ? pieces(roleName, profile.role_name) : null,
        account: number ? accountPieces(dashed, digits, number) : null,
        region: region && region.score > 0 && profile.region ? pieces(region, profile.region) : null,
        tags: tags && tags.score > 0 ? profile.tags : [],
      },
    };
  });
  return { rows, total: found.total };
}

function pieces(result: fuzzysort.Result | undefined, text: string): Piece[] {
  if (!result || result.score <= 0 || result.indexes.length === 0) return [{ text, hit: false }];
  return byIndexes(text, new Set(result.indexes));
}

/** An account matches with and without its dashes; either way the dashed one is shown. */
function accountPieces(dashed: fuzzysort.Result | undefined, digits: fuzzysort.Result | undefined, text: string): Piece[] {
  if (digits && digits.score > (dashed?.score ?? 0)) {
    return byIndexes(text, new Set(digits.indexes.map((at) => at + Math.min(2, Math.floor(at / 4)))));
  }
  return pieces(dashed, text);
}

function byIndexes(text: string, hits: Set<number>): Piece[] {
  const out: Piece[] = [];
  for (let at = 0; at < text.length; at++) {
    const hit = hits.has(at);
    const last = out.at(-1);
    if (last && last.hit === hit) last.text += text[at];
    else out.push({ text: text[at] ?? '', hit });
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
