import { Refusal, type Answer } from './answers.ts';
import type { Copier } from './copier.ts';
import * as migrations from './migration-task-calls.ts';
import type { MigrationTasks } from './migration-tasks.ts';
import type { SyncTasks } from './sync-tasks.ts';
import * as calls from './sync-task-calls.ts';

/** Synchronization events that were accepted. */
export interface ReceivedEvents {
  readonly taskId: string;
  /** In milliseconds. */
  readonly time: number;
  /** Decoded. */
  readonly names: readonly string[];
  /** As they came. */
  readonly rawKeys: readonly string[];
}

/** What the calls work on. */
export interface Service {
  readonly tasks: SyncTasks;
  readonly migrations: MigrationTasks;
  readonly copier: Copier;
  readonly received: ReceivedEvents[];
  readonly clock: () => number;
}

/** A request that got past the gateway. */
export interface Call {
  /** The task in the path; empty for the calls on all tasks. */
  readonly taskId: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

export interface Route {
  readonly serve: (call: Call, service: Service) => Answer;
  readonly projectId: string;
  readonly taskId: string;
  readonly query: URLSearchParams;
}

/** Method and what follows `/v2/{project_id}/`. */
const routes: Readonly<Record<string, Route['serve']>> = {
  'POST sync-tasks': calls.createTask,
  'GET sync-tasks': calls.listTasks,
  'GET sync-tasks/{id}': calls.showTask,
  'DELETE sync-tasks/{id}': calls.deleteTask,
  'POST sync-tasks/{id}/start': calls.startTask,
  'POST sync-tasks/{id}/stop': calls.stopTask,
  'POST sync-tasks/{id}/events': calls.createEvents,
  'GET sync-tasks/{id}/statistics': calls.listStatistics,
  'POST tasks': migrations.createTask,
  'GET tasks/{id}': migrations.showTask,
};

const pathForm =
  /^\/v2\/(?<projectId>[^/]+)\/(?<kind>(sync-)?tasks)(?<id>\/(?<taskId>[\w-]+)(?<verb>\/[a-z]+)?)?$/;

/** Finds the call that a request is meant for. */
export function findRoute(method: string, url: string): Route | undefined {
  const [path = '', query = ''] = url.split(/\?(.*)/s);
  const { projectId, kind = '', taskId = '', verb = '' } = pathForm.exec(path)?.groups ?? {};
  const key = `${method} ${kind}${taskId === '' ? '' : `/{id}${verb}`}`;
  const serve = Object.hasOwn(routes, key) ? routes[key] : undefined;
  return serve === undefined || projectId === undefined
    ? undefined
    : { serve, projectId, taskId, query: new URLSearchParams(query) };
}

/** Is it CreateSyncEvents, the route that faults are for? */
export function isEventsRoute(route: Route | undefined): boolean {
  return route?.serve === calls.createEvents;
}

/** What the gateway says when no API has that method and path. */
export function noSuchApi(): Refusal {
  return new Refusal(404, 'APIG.0101', 'The API does not exist');
}
