import type { Answer } from './entry-point.ts';
import type { Input } from './inputs.ts';
import { findNames } from './names.ts';
import { judgeProcess, readSyncLines, show, sumUp, type Observation } from './oracle.ts';

/** One input, as it was sent to the service. */
export interface Sent {
  readonly input: Input;
  /** From nobody who may send. */
  readonly isForged: boolean;
  /** Nothing was done to it: the service must take it. */
  readonly isFlawless: boolean;
  readonly answer: Answer | { readonly kind: 'hung' };
}

/** What could be seen of inputs that were sent side by side, when the service was done with all of them. */
export interface GroupObservation extends Omit<Observation, 'input' | 'answer'> {
  readonly sent: readonly Sent[];
  readonly secrets: readonly string[];
  /** The hosts that the service asked for certificates and confirmations. */
  readonly askedHosts: readonly string[];
  /** By the metrics: records that came out of the queue, and notifications that were known already. */
  readonly received: number;
  readonly repeated: number;
}

/** What is wrong, and with which input; without a number if it is with all of them together. */
export interface ServiceProblem {
  readonly index: number | undefined;
  readonly problem: string;
}

const refusals = new Set([400, 401, 403, 404, 413, 422]);
const trustedHost =
  /^(smn\.cn-north-4\.myhuaweicloud\.com|([\w-]+\.)*huaweicloud\.com|sns\.eu-west-1\.amazonaws\.com)$/;

/** Says what is wrong with what happened; nothing, if it is right. */
export function judgeGroup(observation: GroupObservation): ServiceProblem[] {
  const { sent } = observation;
  const ofAll = [
    ...judgeProcess({ ...observation, answer: { kind: 'done', value: sent.map(({ answer }) => answer) } }),
    ...judgeSecrets(observation),
    ...judgeSums(observation),
    ...judgeNames(observation),
    ...observation.askedHosts
      .filter((host) => !trustedHost.test(host))
      .map((host) => `asked ${host}, whom nobody trusts`),
  ];
  return [
    ...ofAll.map((problem) => ({ index: undefined, problem })),
    ...sent.flatMap((one) =>
      judgeSent(one, observation).map((problem) => ({ index: one.input.index, problem })),
    ),
  ];
}

function judgeSent({ input, isForged, isFlawless, answer }: Sent, observation: GroupObservation): string[] {
  switch (answer.kind) {
    case 'hung':
      return ['no answer'];
    case 'refused':
      return []; // It was cut off on the way.
    case 'failed': {
      const status = Number(answer.errorType.replace('HTTP ', ''));
      const problems = refusals.has(status)
        ? []
        : [`answered with ${answer.errorType}: ${answer.text.slice(0, 300)}`];
      if (isFlawless && !isForged) problems.push(`refused what is flawless: ${answer.text.slice(0, 300)}`);
      if (!/"(error|reason)"/.test(answer.text) && answer.text !== '') {
        problems.push(`a refusal without a reason: ${answer.text.slice(0, 300)}`);
      }
      return problems;
    }
    case 'done': {
      if (isForged) return [`took what is forged: ${String(answer.value)}`];
      const { canary } = input;
      const { accepted, lists } = observation;
      const isLost =
        canary !== undefined && !accepted.includes(canary) && !lists.unrequested.includes(canary);
      return isLost && isKept(answer)
        ? [`${canary} is acknowledged, but neither requested nor written down`]
        : [];
    }
  }
}

/** Did the service say that it has it? Other answers of 2xx are to handshakes. */
function isKept(answer: Sent['answer']): boolean {
  return answer.kind === 'done' && String(answer.value).includes('"kept"');
}

function judgeSecrets({ lines, lists, sent, secrets }: GroupObservation): string[] {
  const output = `${lines.join('\n')}\n${lists.text}\n${JSON.stringify(sent.map(({ answer }) => answer))}`;
  return secrets.some((secret) => output.includes(secret)) ? ['a token in the output'] : [];
}

/** What is acknowledged is there, and what is there is settled. */
function judgeSums({ sent, lines, received, repeated, accepted, lists }: GroupObservation): string[] {
  const problems: string[] = [];
  const sums = readSyncLines(lines);
  const add = (name: string) => sumUp(sums.map((sum) => Number(sum[name])));
  const fates = ['requested', 'unrequested', 'filtered', 'merged', 'returned'].map(add);
  if (add('received') !== sumUp(fates))
    problems.push(`received ${add('received')}, fates ${fates.join(' + ')}`);
  if (add('received') !== received)
    problems.push(`the queue gave ${received} records, ${add('received')} are settled`);
  if (add('returned') > 0) problems.push(`${add('returned')} returned`);
  const kept = sent.filter(({ answer }) => isKept(answer)).length;
  if (kept > received + repeated) {
    problems.push(`${kept} acknowledged, ${received} records received, ${repeated} repeated`);
  }
  // In the list for OMS a name stands as often as it was requested, as a log object once.
  const taken = new Set(accepted);
  const listed = new Set(lists.requested);
  const missing = [...taken].filter((name) => !listed.has(name));
  const strange = [...listed].filter((name) => !taken.has(name));
  if (missing.length > 0) problems.push(`OMS took, and the success list has not: ${show(missing)}`);
  if (strange.length > 0) problems.push(`the success list has, and OMS did not take: ${show(strange)}`);
  return problems;
}

/** No name comes from nowhere, and OMS gets nothing that is no request. */
function judgeNames({ sent, accepted, lists, violations }: GroupObservation): string[] {
  const problems = violations.map((violation) => `no request for OMS: ${violation}`);
  const names = [...new Set([...accepted, ...lists.unrequested])];
  if (names.length === 0) return problems;
  const known = sent.filter(({ isForged }) => !isForged).map(({ input }) => findNames(input));
  const invented = names.filter((name) => !known.some((names) => names.has(name)));
  if (invented.length > 0) problems.push(`names that nobody sent: ${show(invented)}`);
  return problems;
}
