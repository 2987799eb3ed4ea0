// What fields accept and what they say.

import { expect, test } from 'vitest';
import { accessKeyIdProblem, durationProblem, durationSeconds, externalIdProblem, mfaSerialProblem, profileProblem, regionProblem, roleArnProblem, secretProblem, seedProblem, sessionNameProblem, sourceProblem } from './check';

const taken = (name: string): boolean => name === 'alice';

test.each([
  [profileProblem('bob', taken)],
  [profileProblem('my profile', taken)],
  [accessKeyIdProblem('AKIAXMPL4J6N5T3B7Q2F')],
  [secretProblem('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')],
  [regionProblem('')], [regionProblem('us-gov-west-1')], [regionProblem('cn-north-1')],
  [mfaSerialProblem('')], [mfaSerialProblem('arn:aws:iam::118044279035:mfa/alice')], [mfaSerialProblem('GAHT12345678')],
  [roleArnProblem('arn:aws:iam::123456789012:role/path/Name')], [roleArnProblem('arn:aws-us-gov:iam::123456789012:role/Name')],
  [sourceProblem('alice', taken, 'bob')],
  [externalIdProblem('')], [externalIdProblem('acme:ops/7731')],
  [sessionNameProblem('alice@example.com')],
  [durationProblem('')], [durationProblem('15 min')], [durationProblem('12 h')],
  [seedProblem('JBSW Y3DP EHPK 3PXP')],
])('accepted (%#)', (problem) => expect(problem).toBeNull());

test.each([
  [profileProblem('', taken), 'Give the profile a name.'],
  [profileProblem('alice', taken), 'There is a profile alice already.'],
  [profileProblem('a]b', taken), /AWS tools read/],
  [accessKeyIdProblem('ASIAXMPL4J6N5T3B7Q2F'), /temporary/],
  [accessKeyIdProblem('AKIA123'), /this has 7/],
  [secretProblem('AKIAXMPL4J6N5T3B7Q2F'), /access key ID/],
  [secretProblem('with space'), /space/],
  [regionProblem('europe'), /eu-central-1/],
  [mfaSerialProblem('arn:aws:iam::118044279035:user/alice'), /ARN of a user/],
  [roleArnProblem('arn:aws:sts::123456789012:assumed-role/Name/alice'), /ARN of a session/],
  [roleArnProblem('arn:aws:iam::12345:role/Name'), /12 figures/],
  [sourceProblem('bob', taken, 'bob'), /its own source/],
  [sourceProblem('carol', taken, 'bob'), /no profile carol/],
  [externalIdProblem('a'), /2 to 1,224/],
  [sessionNameProblem('with space'), /no spaces/],
  [durationProblem('14 min'), /15 min to 12 h/],
  [durationProblem('soon'), /Say it like/],
  [seedProblem('123456'), /This is a code/],
  [seedProblem('JBSWY3DP1'), /2 to 7/],
])('refused (%#): %s', (problem, words) => expect(problem).toMatch(words));

test.each([
  ['1 h', 3600], ['45min', 2700], ['1 h 30 min', 5400], ['3600', 3600], ['2 hours', 7200], ['', Number.NaN], ['h', Number.NaN], ['1 day', Number.NaN],
])('%s is %d s', (text, seconds) => expect(durationSeconds(text)).toBe(seconds));
