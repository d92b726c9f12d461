import { emptyAnswer, invalid, jsonAnswer, Refusal, type Answer } from './answers.ts';
import type { Call, Service } from './routes.ts';
import { statisticKinds, type StatisticKind } from './statistics.ts';
import { describeTask } from './sync-tasks.ts';
import { checkStart, parseEvents, parseTask } from './task-bodies.ts';

export function createTask(call: Call, { tasks }: Service): Answer {
  return jsonAnswer({ sync_task_id: tasks.create(parseTask(call.body)).id });
}

export function listTasks({ query }: Call, { tasks }: Service): Answer {
  const limit = wholeNumber(query, 'limit', 1, 100, 10);
  const offset = wholeNumber(query, 'offset', 0, 10_000, 0);
  const status = query.get('status') ?? undefined;
  if (status !== undefined && status !== 'SYNCHRONIZING' && status !== 'STOPPED') {
    throw invalid('status must be SYNCHRONIZING or STOPPED');
  }
  const found = tasks.list(status);
  return jsonAnswer({
    tasks: found.slice(offset, offset + limit).map(describeTask),
    count: found.length,
  });
}

export function showTask({ taskId, query }: Call, { tasks }: Service): Answer {
  const task = tasks.get(taskId);
  const time = milliseconds(query, 'query_time');
  const sum = (kind: StatisticKind) => task.statistics.sumOfMonth(time, kind);
  return jsonAnswer({
    ...describeTask(task),
    monthly_acceptance_request: sum('REQUEST'),
    monthly_success_object: sum('SUCCESS'),
    monthly_failure_object: sum('FAILURE'),
    monthly_skip_object: sum('SKIP'),
    monthly_size: sum('SIZE'),
  });
}

export function listStatistics({ taskId, query }: Call, { tasks }: Service): Answer {
  const task = tasks.get(taskId);
  const kinds = (query.get('data_type') ?? '').split(',').map((name) => {
    const kind = statisticKinds.find((known) => known === name);
    if (kind === undefined) throw invalid(`data_type is a list of ${statisticKinds.join(', ')}`);
    return kind;
  });
  const start = milliseconds(query, 'start_time');
  const end = milliseconds(query, 'end_time');
  if (start > end) throw invalid('start_time is after end_time');
  return jsonAnswer({
    sync_task_id: task.id,
    statistic_time_type: 'FIVE_MINUTES',
    statistic_datas: kinds.map((kind) => ({
      data_type: kind,
      data: task.statistics.between(start, end, kind),
    })),
  });
}

export function startTask({ taskId, body }: Call, { tasks }: Service): Answer {
  tasks.get(taskId);
  checkStart(body);
  tasks.start(taskId);
  return emptyAnswer();
}

export function stopTask({ taskId }: Call, { tasks }: Service): Answer {
  tasks.stop(taskId);
  return emptyAnswer();
}

export function deleteTask({ taskId }: Call, { tasks }: Service): Answer {
  tasks.delete(taskId);
  return emptyAnswer();
}

/** CreateSyncEvents. Accepted means accepted, not synchronized: there is no result for a single name. */
export function createEvents({ taskId, body }: Call, service: Service): Answer {
  const task = service.tasks.get(taskId);
  const { names, rawKeys } = parseEvents(body);
  if (task.status === 'STOPPED') {
    throw new Refusal(400, 'OMS.0064', 'Invalid request parameters: the synchronization task is stopped');
  }
  service.received.push({ taskId, time: service.clock(), names, rawKeys });
  service.copier.request(task, names);
  return emptyAnswer(`accepted ${names.length}`);
}

function wholeNumber(
  query: URLSearchParams,
  name: string,
  least: number,
  most: number,
  otherwise: number,
): number {
  const text = query.get(name) ?? String(otherwise);
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw invalid(`${name} must be from ${least} to ${most}`);
  return value;
}

function milliseconds(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '';
  if (!/^\d{13}$/.test(text)) throw invalid(`${name} must be a time in milliseconds, 13 digits`);
  return Number(text);
}
