// The keyboard of the window. A key does something only where no field, menu or sheet has it first.

import { tick } from 'svelte';
import { action } from './actions';
import type { Ui } from './state.svelte';

const letters: Record<string, string> = { c: 'console', e: 'environment', t: 'terminal', f: 'favourite' };
const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

export function onKey(ui: Ui, event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || !ui.snapshot.settings.onboarded || ui.snapshot.secrets.locked) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
    if (ui.sheet === null || ui.sheet.kind === 'palette') {
      ui.sheet = ui.sheet ? null : { kind: 'palette' };
      event.preventDefault();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || ui.sheet) return;
  if (ui.section === 'practice' && event.key === 'Escape') ui.go('settings');
  if (ui.section !== 'sessions') return;
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  if (target.closest('[role="menu"], [role="dialog"]')) return;
  const searching = target.matches('[data-search]');
  if (!searching && target.matches('input, select, textarea')) return;
  if (inSessions(ui, event, { searching, onControl: target.matches('button, a, [role="switch"]') })) event.preventDefault();
}

function inSessions(ui: Ui, event: KeyboardEvent, where: { searching: boolean; onControl: boolean }): boolean {
  const { profile } = ui;
  const step = steps[event.key];
  if (step !== undefined && !(where.searching && Math.abs(step) === Infinity)) {
    // Under the list's own width the detail is what is read: there the arrows scroll it.
    if (ui.detailOpen && document.querySelector('.list')?.checkVisibility() === false) return false;
    ui.move(step);
    return true;
  }
  if (event.key === 'Enter') {
    if (where.onControl || !profile) return false;
    if (!event.repeat) ui.startOrStop(profile);
    return true;
  }
  if (event.key === 'Escape') return back(ui, where.searching);
  if (where.searching) return false;
  if (event.key === '/') {
    ui.detailOpen = false;
    ui.focusSearch();
    return true;
  }
  if (event.key === 'ArrowRight' && profile) {
    ui.detailOpen = true;
    return true;
  }
  const wanted = letters[event.key.toLowerCase()];
  if (wanted === undefined || !profile || event.repeat) return false;
  action(ui, profile, wanted)?.run();
  return true;
}

function back(ui: Ui, searching: boolean): boolean {
  if (ui.query !== '') ui.query = '';
  else if (ui.detailOpen && !searching) ui.detailOpen = false;
  // The list may be on its way back from behind an empty search or the detail.
  void tick().then(() => ui.focusList());
  return true;
}
