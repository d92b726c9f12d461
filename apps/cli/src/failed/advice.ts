/** What a class of reasons means. */
export const meanings: ReadonlyMap<string, string> = new Map([
  ['passing', 'it may work later'],
  ['refused', 'OMS refused it because of what was asked for'],
  ['identity', 'OMS does not accept the keys'],
  ['quota', 'a limit of the account is reached'],
  ['invalid', 'it is no name, or no object: it was never sent'],
  ['unknown', 'the entry does not say why, as those of the function template'],
]);

/** From the special to the general; the first that fits counts. Kept in step with docs/troubleshooting.md. */
const advices: readonly (readonly [RegExp, string])[] = [
  [
    /^NotSent$/,
    'The time was up before it could be sent. Replay it. If it comes often: a longer timeout of the function, or more max_in_flight.',
  ],
  [
    /^InvalidName$/,
    'The key of the event is no name: a broken escape or a lone surrogate. With EventGrid look at eventgrid_key_encoding. If the object exists, request it: oms-sync request NAME; then remove the entry: oms-sync failed clear --class invalid.',
  ],
  [
    /^DirectoryRenamed$/,
    'A directory was renamed, and no event names the files in it. Backfill or reconcile with it as the prefix.',
  ],
  [
    /^UnexpectedAnswer$/,
    'sync_url answered, but not as OMS does. Check it, and any proxy in between. Then replay.',
  ],
  [/^(HTTP\.429|APIGW?\.0308)$/, 'OMS asked for fewer requests. Replay it with --rate.'],
  [
    /^(APIGW?\.0301|HTTP\.401|OMS\.(1005|0068))$/,
    'Check hw_ak, hw_sk and hw_security_token, and the clock: oms-sync doctor. Then replay.',
  ],
  [
    /^(APIGW?\.030[2-7]|HTTP\.403|OMS\.(0053|0072))$/,
    'The keys need oms:synctask:createEvent in the project of the task. Then replay.',
  ],
  [/^OMS\.020[1-4]$/, 'The account is restricted or frozen. Settle that with Huawei Cloud, then replay.'],
  [
    /^(OMS\.(0054|1009)|HTTP\.404|APIGW?\.0101)$/,
    'There is no such task. Check sync_url and sync_task_id: oms-sync doctor. If a new task has replaced it, replay with --any-task.',
  ],
  [/^(OMS\.(0077|1021))$/, 'Wait for a day, or ask Huawei Cloud for more. Then replay.'],
  [
    /^(E[A-Z]{3,}|.*CERT.*|NetworkFault)/,
    'OMS was not reached. Check sync_url and the network of the function (VPC, NAT, proxy): oms-sync doctor. Then replay.',
  ],
  [/^(OMS\.1001|HTTP\.5\d\d)$/, 'OMS was not well. Replay it.'],
];

const adviceOfClass: ReadonlyMap<string, string> = new Map([
  ['passing', 'Replay it.'],
  [
    'refused',
    'If all names are refused, the task is stopped or wrong: oms-sync doctor. If it is this one alone, OMS does not take the name: copy the object by other means, then oms-sync failed clear --prefix NAME.',
  ],
  ['identity', 'Check the keys: oms-sync doctor. Then replay.'],
  ['quota', 'Wait, or ask for more. Then replay.'],
  ['invalid', 'No replay can help it. Look at the source, then oms-sync failed clear --class invalid.'],
]);

/** What to do about an entry of the failed list. */
export function advise(reasonClass: string, code: string | undefined): string {
  const found = advices.find(([pattern]) => code !== undefined && pattern.test(code));
  return found?.[1] ?? adviceOfClass.get(reasonClass) ?? 'Replay it: the answer of OMS says more.';
}
