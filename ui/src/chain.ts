// A chain in words, ready to be drawn: the model knows seconds and ARNs, a person reads "asked for 1 h, 47 min left".

import type { ChainView, HopView, ProfileView, SessionTokenView } from './host';
import { account, accountOf, device, length, seconds, shortKey } from './labels';

export interface Need {
  icon: 'phone' | 'tag';
  text: string;
}

/** One node, and the call that leads to it. */
export interface ChainLink {
  call: string | null;
  needs: Need[];
  icon: 'key' | 'file' | 'program' | 'web' | 'centre' | 'user' | 'role';
  title: string;
  code: string | null;
  note: string;
  warn: boolean;
  longest: string;
  asked: string;
}

export function drawChain(profile: ProfileView, base: ProfileView, places: { file: string; kept: string }, now: number): ChainLink[] {
  const { chain } = profile;
  if (!chain) return [];
  const ends = profile.session?.state === 'active' ? profile.session.expiration : null;
  const last = chain.hops.length - 1;
  const out = [baseLink(chain, base, places)];
  if (chain.session_token && !profile.hand_out_access_key) {
    out.push(tokenLink(chain.session_token, chain, last < 0 ? ends : chain.session_token.expiration, now));
  }
  chain.hops.forEach((hop, at) => out.push(roleLink(hop, chain, at === last ? ends : null, now)));
  return out;
}

function baseLink(chain: ChainView, base: ProfileView, { file, kept }: { file: string; kept: string }): ChainLink {
  const link = { call: null, needs: [], code: null, warn: false, longest: '', asked: '' };
  const detail = chain.base_detail ?? `From the profile ${chain.base_profile}`;
  switch (chain.base_kind) {
    case 'access_key':
    case 'static': {
      const inFile = base.key?.place === 'file';
      return {
        ...link, icon: 'key', title: 'Access key', code: chain.base_access_key_id ? shortKey(chain.base_access_key_id) : null,
        note: inFile ? `Plain text in ${file}` : chain.base_profile === '' ? `In ${kept}` : `In ${kept}, for ${chain.base_profile}`,
        warn: inFile, longest: 'No end', asked: 'until it is rotated',
      };
    }
    case 'process':
      return { ...link, icon: 'program', title: 'External command', note: detail };
    case 'source':
      return { ...link, icon: 'program', title: 'Credential source', note: detail };
    case 'web_identity':
      return { ...link, icon: 'web', title: 'Web identity token', note: detail };
    case 'identity_center':
      return { ...link, icon: 'centre', title: 'IAM Identity Center', note: detail };
    case 'login':
      return { ...link, icon: 'user', title: 'Sign-in session', note: detail };
    default:
      return { ...link, icon: 'file', title: chain.base_profile, note: detail };
  }
}

function tokenLink(token: SessionTokenView, chain: ChainView, ends: string | null, now: number): ChainLink {
  const owner = token.mfa_serial ? accountOf(token.mfa_serial) : null;
  const needs: Need[] = [];
  if (token.mfa_serial) needs.push({ icon: 'phone', text: codeFrom(token.mfa_serial, chain) });
  return {
    call: 'GetSessionToken', needs, icon: 'user', code: null, warn: false,
    title: token.mfa_serial ? 'MFA session' : 'Session of the access key',
    note: owner ? `IAM user in ${account(owner)}` : `The IAM user of ${chain.base_profile}`,
    longest: seconds(token.longest_seconds), asked: asked(token.duration_seconds, ends, now),
  };
}

function roleLink(hop: HopView, chain: ChainView, ends: string | null, now: number): ChainLink {
  const needs: Need[] = [];
  if (hop.mfa_code && chain.mfa_serial) needs.push({ icon: 'phone', text: codeFrom(chain.mfa_serial, chain) });
  else if (hop.mfa_session) needs.push({ icon: 'phone', text: 'MFA session' });
  if (hop.external_id) needs.push({ icon: 'tag', text: `External ID ${hop.external_id}` });
  return {
    call: 'AssumeRole', needs, icon: 'role', code: null, warn: false,
    title: `Role ${hop.role_name}`,
    note: hop.role_session_name ? `${account(hop.account_id)}, as ${hop.role_session_name}` : account(hop.account_id),
    longest: seconds(hop.longest_seconds), asked: asked(hop.duration_seconds, ends, now),
  };
}

const codeFrom = (serial: string, chain: ChainView): string =>
  chain.mfa_seed_stored ? `MFA code from the seed of ${device(serial)}` : `MFA code from ${device(serial)}`;

function asked(duration: number, ends: string | null, now: number): string {
  const left = ends ? Date.parse(ends) - now : 0;
  return left > 0 ? `asked for ${seconds(duration)}, ${length(left)} left` : `asked for ${seconds(duration)}`;
}
