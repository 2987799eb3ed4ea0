// Believable edits of the AWS files for tests and design: what the agent would show, without files and without secrets.

import { minutes } from './fixtures';
import type { AwsFile, DiffLine, FileDiff, FileEdit, Preview, ProfileView, Snapshot, VersionLine } from './index';

const PROGRAM = '/usr/bin/stagedoor';

const same = (at: number, text: string, moved = 0): DiffLine => ({ kind: 'same', old: at, new: at + moved, text });
const added = (at: number, text: string): DiffLine => ({ kind: 'added', old: null, new: at, text });
const removed = (at: number, text: string): DiffLine => ({ kind: 'removed', old: at, new: null, text });
const gap: DiffLine = { kind: 'gap', old: null, new: null, text: '' };

function diff(path: string, lines: DiffLine[]): FileDiff {
  return { path, added: lines.filter((it) => it.kind === 'added').length, removed: lines.filter((it) => it.kind === 'removed').length, lines, left_out: 0 };
}

const other = (line: DiffLine): DiffLine => (line.kind === 'added' ? { ...line, kind: 'removed', old: line.new, new: null } : line.kind === 'removed' ? { ...line, kind: 'added', new: line.old, old: null } : line);

/** The lines of one profile's section that connecting changes. */
function connecting(profile: ProfileView, at: number): DiffLine[] {
  const process = `credential_process = ${PROGRAM} credential-process ${profile.name}`;
  if (!profile.role_arn) return [same(at, `[profile ${profile.name}]`), added(at + 1, process), same(at + 1, 'region = eu-central-1', 1)];
  return [
    same(at, `[profile ${profile.name}]`),
    removed(at + 1, `role_arn = ${profile.role_arn}`), removed(at + 2, `source_profile = ${profile.source_profile ?? 'alice'}`),
    added(at + 1, process), added(at + 2, `stagedoor_role_arn = ${profile.role_arn}`), added(at + 3, `stagedoor_source_profile = ${profile.source_profile ?? 'alice'}`),
    same(at + 3, 'region = eu-central-1', 1),
  ];
}

/** A new section at the end of the file. */
function section(name: string, said: Record<string, string | number | null>): DiffLine[] {
  const lines = Object.entries(said).flatMap(([key, value]) => (value === null ? [] : `${key} = ${value}`));
  return [gap, ...['', `[profile ${name}]`, ...lines].map((line, index) => added(120 + index, line))];
}

const moving = (): DiffLine[] => [
  same(14, '[default]'), removed(15, 'aws_access_key_id = AKIAXMPL8R5V2C6M3XK9'), removed(16, 'aws_secret_access_key = ••••'),
  added(15, 'stagedoor_access_key_id = AKIAXMPL8R5V2C6M3XK9'), added(16, 'stagedoor_key_in = keychain'), same(17, '# until Ada is back'),
];

/** The profiles that an edit is about. */
function about(edit: FileEdit, { profiles }: Snapshot): ProfileView[] {
  switch (edit.edit) {
    case 'connect': case 'disconnect': case 'import': return profiles.filter((it) => edit.profiles.includes(it.name));
    case 'connect_all': return profiles.filter((it) => !it.connected && !it.error);
    case 'disconnect_all': return profiles.filter((it) => it.connected);
    case 'undo_import': return profiles.filter((it) => it.name === edit.profile);
    case 'add_key': case 'add_role': case 'restore': return [];
  }
}

export function previewOf(edit: FileEdit, snapshot: Snapshot): Preview {
  const { config_path, credentials_path } = snapshot.files;
  const profiles = about(edit, snapshot);
  const told = { profiles: profiles.map((it) => it.name), skipped: [] as Preview['skipped'] };
  const connect = profiles.flatMap((it, index) => [gap, ...connecting(it, 9 + index * 12)]);
  switch (edit.edit) {
    case 'connect': case 'connect_all':
      if (edit.edit === 'connect_all') told.skipped = snapshot.profiles.filter((it) => it.error).map((it) => ({ profile: it.name, why: it.error?.message ?? '' }));
      return { ...told, diffs: connect.length ? [diff(config_path, connect)] : [] };
    case 'disconnect': case 'disconnect_all': return { ...told, diffs: connect.length ? [diff(config_path, connect.map(other))] : [] };
    case 'import': return { ...told, diffs: [diff(credentials_path, [gap, ...moving()])] };
    case 'undo_import': return { ...told, diffs: [diff(credentials_path, [gap, ...moving().map(other)])] };
    case 'add_key': return { ...told, profiles: [edit.profile], diffs: [diff(config_path, section(edit.profile, { stagedoor_access_key_id: edit.access_key_id, region: edit.region, mfa_serial: edit.mfa_serial }))] };
    case 'add_role': {
      const { profile, duration, ...said } = edit.role;
      return { ...told, profiles: [profile], diffs: [diff(config_path, section(profile, { ...said, duration_seconds: duration }))] };
    }
    case 'restore': return { ...told, diffs: [diffOf(edit.file, edit.number, snapshot)] };
  }
}

/** The profiles after an edit. */
export function editedProfiles(edit: FileEdit, { profiles }: Preview, snapshot: Snapshot): ProfileView[] {
  return snapshot.profiles.map((it) => {
    if (!profiles.includes(it.name)) return it;
    if (edit.edit === 'import' || edit.edit === 'undo_import') return it.key ? { ...it, key: { ...it.key, place: edit.edit === 'import' ? 'keychain' : 'file' } } : it;
    return { ...it, connected: edit.edit === 'connect' || edit.edit === 'connect_all' };
  });
}

export function versionLines(): VersionLine[] {
  const line = (file: AwsFile, number: number, ago: number, by: string, size: number, current = false): VersionLine => ({ file, number, at: minutes(-ago), by, size, current });
  return [
    line('config', 14, 54, 'connect staging-deploy', 8214, true), line('config', 13, 54, 'as another program left it', 8102),
    line('config', 12, 60 * 26, 'connect data-lake-etl', 7984), line('config', 11, 60 * 26, 'as another program left it', 7871),
    line('credentials', 2, 60 * 75, 'import alice', 412, true), line('credentials', 1, 60 * 75, 'as another program left it', 448),
  ];
}

export function diffOf(file: AwsFile, number: number, snapshot: Snapshot): FileDiff {
  if (file === 'credentials') return diff(snapshot.files.credentials_path, [gap, ...moving()]);
  const profile = snapshot.profiles.find((it) => it.name === 'staging-deploy') ?? snapshot.profiles[0];
  return diff(snapshot.files.config_path, profile ? [gap, ...connecting(profile, 9 + number)] : []);
}
