// What a field may hold, said in words while it is typed. The agent checks again; this only saves the way there.

const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;
const ROLE_ARN = /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@\-/]+$/;

export function profileProblem(name: string, taken: (name: string) => boolean): string | null {
  if (name.trim() === '') return 'Give the profile a name.';
  if (name !== name.trim()) return 'A name does not begin or end with a space.';
  if (!/^[\w/.%@:+ -]+$/.test(name)) return 'AWS tools read letters, figures and - / . % @ _ : + in a name.';
  return taken(name) ? `There is a profile ${name} already.` : null;
}

export function accessKeyIdProblem(id: string): string | null {
  if (id === '') return 'The access key ID is missing.';
  if (/^ASIA/.test(id)) return 'ASIA begins a temporary key. A key that stays begins with AKIA.';
  if (!/^\w+$/.test(id)) return 'An access key ID has letters and figures only.';
  return id.length < 16 || id.length > 128 ? `An access key ID has 16 characters or more, mostly 20; this has ${id.length}.` : null;
}

export function secretProblem(secret: string): string | null {
  if (secret === '') return 'The secret access key is missing.';
  if (/\s/.test(secret)) return 'There is a space in it. Copy it once more.';
  return /^AKIA/.test(secret) ? 'This looks like an access key ID. The secret belongs here.' : null;
}

export function regionProblem(region: string): string | null {
  return region === '' || REGION.test(region) ? null : 'A Region looks like eu-central-1.';
}

export function mfaSerialProblem(serial: string): string | null {
  if (serial === '') return null;
  if (/^arn:aws[\w-]*:iam::\d{12}:mfa\/.+$/.test(serial) || /^[\w-]{9,256}$/.test(serial)) return null;
  if (serial.startsWith('arn:') && serial.includes(':user/')) return 'This is the ARN of a user. The device’s has :mfa/ in it.';
  return 'Either arn:aws:iam::ACCOUNT:mfa/NAME, or the serial number on a hardware device.';
}

export function roleArnProblem(arn: string): string | null {
  if (arn === '') return 'The role’s ARN is missing.';
  if (ROLE_ARN.test(arn)) return null;
  if (arn.includes(':assumed-role/')) return 'This is the ARN of a session. The role’s begins arn:aws:iam:: and has :role/ in it.';
  if (arn.includes(':user/')) return 'This is the ARN of a user. A role’s has :role/ in it.';
  if (/^arn:aws[\w-]*:iam::\d{1,11}:/.test(arn)) return 'The account number has 12 figures.';
  return 'A role’s ARN looks like arn:aws:iam::123456789012:role/NAME.';
}

export function sourceProblem(source: string, known: (name: string) => boolean, profile: string): string | null {
  if (source === '') return 'Choose the profile whose credentials assume the role.';
  if (source === profile) return 'A role cannot be its own source.';
  return known(source) ? null : `There is no profile ${source}.`;
}

export function externalIdProblem(id: string): string | null {
  if (id === '') return null;
  if (id.length < 2 || id.length > 1224) return 'An external ID has 2 to 1,224 characters.';
  return /^[\w+=,.@:/\\-]+$/.test(id) ? null : 'Letters, figures and _ + = , . @ : / - are allowed, no spaces.';
}

export function sessionNameProblem(name: string): string | null {
  if (name === '') return null;
  if (name.length < 2 || name.length > 64) return 'A role session name has 2 to 64 characters.';
  return /^[\w+=,.@-]+$/.test(name) ? null : 'Letters, figures and _ + = , . @ - are allowed, no spaces.';
}

/** A duration as a person types it (`1 h`, `45 min`, `1 h 30 min`, `3600`), in seconds; `NaN` when it is none. */
export function durationSeconds(text: string): number {
  const plain = /^\s*(\d+)\s*s?\s*$/.exec(text);
  if (plain) return Number(plain[1]);
  const parts = /^\s*(?:(\d+)\s*h(?:ours?)?)?\s*(?:(\d+)\s*m(?:in(?:utes?)?)?)?\s*$/.exec(text);
  if (!parts || (parts[1] === undefined && parts[2] === undefined)) return Number.NaN;
  return Number(parts[1] ?? 0) * 3600 + Number(parts[2] ?? 0) * 60;
}

export function durationProblem(text: string, most = 43_200): string | null {
  if (text.trim() === '') return null;
  const value = durationSeconds(text);
  if (Number.isNaN(value)) return 'Say it like 1 h, 45 min or 1 h 30 min.';
  return value < 900 || value > most ? `AWS allows 15 min to ${most / 3600} h.` : null;
}

export function passphraseProblem(passphrase: string): string | null {
  const { length } = [...passphrase.trim()];
  if (length === 0) return 'The passphrase is missing.';
  return length < 8 ? 'Take at least 8 characters. Four or five words that have nothing to do with each other are good.' : null;
}

/** `team=blue, env=dev` as tags; what is none is left out. */
export function tagsOf(text: string): { key: string; value: string }[] {
  return text.split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at > 0 && pair.slice(0, at).trim() ? [{ key: pair.slice(0, at).trim(), value: pair.slice(at + 1).trim() }] : [];
  });
}

export function tagsProblem(text: string): string | null {
  if (text.trim() === '') return null;
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  const tags = tagsOf(text);
  if (tags.length !== pairs.length) return 'Say each tag as key=value, with commas between them.';
  if (tags.length > 50) return 'AWS takes at most 50 tags.';
  if (new Set(tags.map((tag) => tag.key.toLowerCase())).size !== tags.length) return 'Each key once; AWS ignores capitals in them.';
  if (tags.some((tag) => /^aws:/i.test(tag.key))) return 'Keys that begin with aws: are AWS’s own.';
  const odd = tags.some((tag) => !/^[\p{L}\p{N}\p{Z}_.:/=+@-]*$/u.test(tag.key + tag.value) || tag.key.length > 128 || tag.value.length > 256);
  return odd ? 'Letters, figures, spaces and _ . : / = + @ - are allowed; keys up to 128, values up to 256 characters.' : null;
}

export function seedProblem(seed: string): string | null {
  const bare = seed.replace(/[\s-]/g, '');
  if (bare === '') return 'The seed is missing.';
  if (/^\d{6}$/.test(bare)) return 'This is a code. The seed is the long secret that the codes are made from.';
  if (!/^[a-z2-7]+=*$/i.test(bare)) return 'A seed has letters and the figures 2 to 7 only.';
  return bare.length < 16 ? 'A seed has 16 characters or more.' : null;
}
