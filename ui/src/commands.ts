// What the palette offers for a query: profiles first, then what can be done, found by how the words match. Pure but for what
// running a command does.

import ExternalLink from '@lucide/svelte/icons/external-link';
import FlaskConical from '@lucide/svelte/icons/flask-conical';
import KeyDrawing from '@lucide/svelte/icons/key';
import Lock from '@lucide/svelte/icons/lock';
import LogOut from '@lucide/svelte/icons/log-out';
import Play from '@lucide/svelte/icons/play';
import QrCode from '@lucide/svelte/icons/qr-code';
import Shield from '@lucide/svelte/icons/shield';
import Sliders from '@lucide/svelte/icons/settings-2';
import Square from '@lucide/svelte/icons/square';
import { action, actionsFor } from './actions';
import type { ProfileView } from './host';
import { find, pieces, type Piece } from './fuzzy';
import type { Ui } from './state.svelte';

export interface Command {
  id: string;
  label: string;
  icon: unknown;
  key: string | null;
  run: () => void;
  /** The profile that it is about: a query for its name keeps the commands in their own order. */
  subject?: string;
}
export interface FoundCommand extends Command {
  pieces: Piece[];
}

/** What the palette says of an action on a profile, where its button says less. */
const onProfile: Record<string, (name: string) => string> = {
  console: (name) => `Open the console of ${name}`,
  environment: (name) => `Copy the environment of ${name}`,
  terminal: (name) => `Open a terminal with ${name}`,
  'console-link': (name) => `Copy the console link of ${name}`,
  favourite: (name) => `Change whether ${name} is a favourite`,
  who: (name) => `Ask AWS who ${name} is`,
  connect: (name) => `Connect ${name}`,
  disconnect: (name) => `Disconnect ${name}`,
  stop: (name) => `Stop ${name}`,
  start: (name) => `Start ${name}`,
  renew: (name) => `Renew ${name}`,
};

/** The actions on the selected profile, and stopping whatever is active. */
export function profileCommands(ui: Ui, selected: ProfileView | null): Command[] {
  const own = selected
    ? actionsFor(ui, selected).map((it) => ({ ...it, id: `${it.id} ${selected.name}`, label: onProfile[it.id]?.(selected.name) ?? `${it.label.replace(/…$/, '')}: ${selected.name}`, key: it.key === 'Enter' ? null : it.key, subject: selected.name }))
    : [];
  own.sort((a, b) => rank(a.id) - rank(b.id));
  const stops = ui.snapshot.profiles
    .filter((it) => it.session?.state === 'active' && it.name !== selected?.name)
    .flatMap((it): Command[] => {
      const stop = action(ui, it, 'stop');
      return stop ? [{ ...stop, id: `stop ${it.name}`, label: `Stop ${it.name}`, key: null, subject: it.name }] : [];
    });
  return [...own, ...stops];
}

/** Console first, as the palette is for going somewhere; what is rarely wanted last. */
const order = ['start', 'renew', 'console', 'environment', 'terminal', 'stop', 'console-link'];
const rank = (id: string): number => {
  const at = order.indexOf(id.split(' ')[0] ?? '');
  return at < 0 ? order.length : at;
};

/** What concerns no profile. */
export function generalCommands(ui: Ui): Command[] {
  const active = ui.snapshot.profiles.filter((it) => it.session?.state === 'active').length;
  const running = ui.snapshot.practice.endpoint !== null;
  return [
    ...(active > 0 ? [{ id: 'stop-all', label: 'Stop all sessions', icon: Square, key: null, run: () => void ui.ask(() => ui.host.stopAll(), 'All sessions are stopped.') }] : []),
    { id: 'add-key', label: 'Add access key…', icon: KeyDrawing, key: null, run: () => void (ui.sheet = { kind: 'add-key' }) },
    { id: 'add-role', label: 'Add role…', icon: Shield, key: null, run: () => void (ui.sheet = { kind: 'add-role' }) },
    running
      ? { id: 'practice', label: 'Show the practice account', icon: FlaskConical, key: null, run: () => ui.go('practice') }
      : { id: 'practice', label: 'Open the practice account', icon: FlaskConical, key: null, run: () => void ui.ask(() => ui.host.startPractice()).then((made) => { if (made) ui.go('practice'); }) },
    ...(running ? [{ id: 'practice-profiles', label: 'Show the practice profiles and QR code', icon: QrCode, key: null, run: () => void (ui.sheet = { kind: 'practice' }) }] : []),
    { id: 'settings', label: 'Settings', icon: Sliders, key: null, run: () => ui.go('settings') },
    { id: 'lock', label: 'Lock Stagedoor', icon: Lock, key: null, run: () => void ui.ask(() => ui.host.lock()) },
    { id: 'quit', label: 'Quit Stagedoor', icon: LogOut, key: null, run: () => void ui.ask(() => ui.host.quit()) },
  ];
}

/** Enter in the palette: an idle profile starts, an active one opens its console. */
export function enter(ui: Ui, profile: ProfileView): { label: string; icon: unknown; run: () => void } | null {
  const active = profile.session?.state === 'active';
  const wanted = action(ui, profile, active ? 'console' : 'start');
  return wanted ? { label: active ? 'Open console' : 'Start', icon: active ? ExternalLink : Play, run: wanted.run } : null;
}

/** The commands whose words match, best first; those on a profile that is itself named keep their own order. */
export function matching(commands: readonly Command[], query: string): FoundCommand[] {
  if (query.trim() === '') return commands.map((it) => ({ ...it, pieces: [{ text: it.label, hit: false }] }));
  const { found } = find(commands.map((it) => it.label), query);
  const hits = found.flatMap(({ at, ranges }) => {
    const command = commands[at];
    return command ? [{ ...command, at, pieces: pieces(command.label, 0, ranges) }] : [];
  });
  const named = (subject: string | undefined): boolean => subject !== undefined && find([subject], query).total > 0;
  return [...hits.filter((it) => !named(it.subject)), ...hits.filter((it) => named(it.subject)).sort((a, b) => a.at - b.at)];
}
