// Starts the window: host, first snapshot, then the first paint, so that nothing is ever shown half.

import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import Unreachable from './screens/Unreachable.svelte';
import { asHostError, chooseHost } from './host';
import { Ui } from './state.svelte';

async function open(target: HTMLElement): Promise<void> {
  try {
    const host = await chooseHost();
    const ui = new Ui(host, await host.snapshot());
    target.replaceChildren();
    mount(App, { target, props: { ui } });
  } catch (thrown) {
    mount(Unreachable, { target, props: { error: asHostError(thrown) } });
  }
}

const target = document.getElementById('app');
if (target) void open(target);
