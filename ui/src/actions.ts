// Everything that a person can do with a profile, once: the buttons, the menu, the palette and the keys all read it here.

import type { Component } from 'svelte';
import Copy from '@lucide/svelte/icons/copy';
import ExternalLink from '@lucide/svelte/icons/external-link';
import IdCard from '@lucide/svelte/icons/id-card';
import Hourglass from '@lucide/svelte/icons/hourglass';
import KeyDrawing from '@lucide/svelte/icons/key';
import Link from '@lucide/svelte/icons/link';
import Play from '@lucide/svelte/icons/play';
import Plug from '@lucide/svelte/icons/plug';
import QrCode from '@lucide/svelte/icons/qr-code';
import RefreshCw from '@lucide/svelte/icons/refresh-cw';
import Smartphone from '@lucide/svelte/icons/smartphone';
import Square from '@lucide/svelte/icons/square';
import Star from '@lucide/svelte/icons/star';
import SquareTerminal from '@lucide/svelte/icons/terminal';
import Undo from '@lucide/svelte/icons/undo-2';
import Unplug from '@lucide/svelte/icons/unplug';
import type { ProfileView } from './host';
import type { Sheet, Ui } from './state.svelte';

export type IconComponent = Component<Record<string, unknown>>;

export interface Action {
  id: string;
  label: string;
  icon: IconComponent;
  /** The key that does it in Sessions, as it stands on the keycap. */
  key: string | null;
  /** Actions of one part stand together in the menu. */
  part: 'session' | 'hand-out' | 'profile' | 'key';
  run: () => void;
}

const icon = (it: unknown): IconComponent => it as IconComponent;

/** What can be done with a profile now, in the order of the menu. */
export function actionsFor(ui: Ui, profile: ProfileView): Action[] {
  return [...sessionActions(ui, profile), ...handOutActions(ui, profile), ...ownActions(ui, profile), ...keyActions(ui, profile)];
}

/** One of them by its name. */
export function action(ui: Ui, profile: ProfileView, id: string): Action | undefined {
  return actionsFor(ui, profile).find((it) => it.id === id);
}

function sessionActions(ui: Ui, { name, session, error }: ProfileView): Action[] {
  const { host } = ui;
  const active = session?.state === 'active';
  const first: Action = active
    ? { id: 'stop', label: 'Stop', icon: icon(Square), key: 'Enter', part: 'session', run: () => void ui.stop(name) }
    : { id: 'start', label: 'Start', icon: icon(Play), key: 'Enter', part: 'session', run: () => void ui.start(name) };
  if (error && !active) return [];
  return [
    first,
    ...(active && session.renews_at === null
      ? [{ id: 'renew', label: 'Renew', icon: icon(RefreshCw), key: null, part: 'session' as const, run: () => void ui.start(name) }]
      : []),
    { id: 'console', label: 'Open console', icon: icon(ExternalLink), key: 'C', part: 'session', run: () => void ui.attempt(name, () => host.openConsole(name), `The console of ${name} opens in the browser.`) },
    { id: 'environment', label: 'Copy environment', icon: icon(Copy), key: 'E', part: 'session', run: () => void ui.attempt(name, () => host.copyEnvironment(name), 'Copied. The clipboard is cleared in 30 s.') },
    { id: 'terminal', label: 'Terminal', icon: icon(SquareTerminal), key: 'T', part: 'session', run: () => void ui.attempt(name, () => host.openTerminal(name), `A terminal opens with ${name}.`) },
    { id: 'console-link', label: 'Copy console link', icon: icon(Link), key: null, part: 'session', run: () => void ui.attempt(name, () => host.copyConsoleLink(name), 'Copied the console link. The clipboard is cleared in 30 s.') },
    { id: 'lease', label: 'Lease…', icon: icon(Hourglass), key: null, part: 'session', run: () => void (ui.sheet = { kind: 'lease', profile: name }) },
    { id: 'who', label: 'Who am I?', icon: icon(IdCard), key: null, part: 'session', run: () => void whoAmI(ui, name) },
  ];
}

function handOutActions(ui: Ui, { name, connected, error, hand_out_access_key }: ProfileView): Action[] {
  const profiles = [name];
  if (connected) {
    const sheet: Sheet = { kind: 'file-edit', edit: { edit: 'disconnect', profiles }, title: `Disconnect ${name}`, done: `${name} is no longer handed out through Stagedoor.` };
    return [{ id: 'disconnect', label: 'Disconnect', icon: icon(Unplug), key: null, part: 'hand-out', run: () => void (ui.sheet = sheet) }];
  }
  if (error) return [];
  const sheet: Sheet = { kind: 'file-edit', edit: { edit: 'connect', profiles, access_key: hand_out_access_key }, title: `Connect ${name}`, done: `${name} is handed out to every tool that names it.` };
  return [{ id: 'connect', label: 'Connect', icon: icon(Plug), key: null, part: 'hand-out', run: () => void (ui.sheet = sheet) }];
}

function ownActions(ui: Ui, { name, favourite }: ProfileView): Action[] {
  const label = favourite ? 'Remove from favourites' : 'Add to favourites';
  return [{ id: 'favourite', label, icon: icon(Star), key: 'F', part: 'profile', run: () => void ui.attempt(name, () => ui.host.setFavourite(name, !favourite)) }];
}

function keyActions(ui: Ui, profile: ProfileView): Action[] {
  const { name, key, chain, practice } = profile;
  const serial = chain?.mfa_serial;
  const out: Action[] = [];
  if (serial && chain.mfa_seed_stored) {
    out.push({ id: 'mfa-code', label: 'Show MFA code', icon: icon(Smartphone), key: null, part: 'key', run: () => void (ui.sheet = { kind: 'mfa', profile: name, serial, resume: null }) });
  } else if (serial) {
    out.push({ id: 'mfa-seed', label: 'Store the MFA seed…', icon: icon(Smartphone), key: null, part: 'key', run: () => void (ui.sheet = { kind: 'seed', serial, profile: null }) });
  }
  if (practice) {
    out.push({ id: 'practice', label: 'Practice account…', icon: icon(QrCode), key: null, part: 'key', run: () => void (ui.sheet = { kind: 'practice' }) });
  }
  if (key?.place === 'file') {
    out.push({ id: 'import', label: `Move access key into ${ui.kept}`, icon: icon(KeyDrawing), key: null, part: 'key', run: () => moveKey(ui, name) });
  } else if (key && !practice) {
    out.push({ id: 'undo-import', label: 'Put access key back into the file', icon: icon(Undo), key: null, part: 'key', run: () => void (ui.sheet = { kind: 'file-edit', edit: { edit: 'undo_import', profile: name }, title: `Put the access key of ${name} back`, done: `The access key of ${name} is back in its file.` }) });
  }
  return out;
}

/** Shows what moving a plain key to where secrets lie changes, and offers the way back once it is done. */
export function moveKey(ui: Ui, name: string): void {
  ui.sheet = {
    kind: 'file-edit', edit: { edit: 'import', profiles: [name] }, title: `Move the access key of ${name} into ${ui.kept}`,
    done: `The access key of ${name} is in ${ui.kept} and works.`,
    undo: () => void ui.attempt(name, () => ui.host.undoImport(name), 'The access key is back in ~/.aws/credentials.'),
  };
}

async function whoAmI(ui: Ui, name: string): Promise<void> {
  const done = `AWS said who ${name} is.`;
  await ui.attempt(name, async () => void ui.identities.set(name, await ui.host.whoAmI(name)), done);
}
