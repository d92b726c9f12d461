import { Refusal, type Answer } from './answers.ts';
import type { Copier } from './copier.ts';
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

/** Method and what follows `/v2/{project_id}/sync-tasks`. */
const routes: Readonly<Record<string, Route['serve']>> = {
  'POST ': calls.createTask,
  'GET ': calls.listTasks,
  'GET /{id}': calls.showTask,
  'DELETE /{id}': calls.deleteTask,
  'POST /{id}/start': calls.startTask,
  'POST /{id}/stop': calls.stopTask,
  'POST /{id}/events': calls.createEvents,
  'GET /{id}/statistics': calls.listStatistics,
};

const pathForm = /^\/v2\/(?<projectId>[^/]+)\/sync-tasks(?<id>\/(?<taskId>[\w-]+)(?<verb>\/[a-z]+)?)?$/;

/** Finds the call that a request is meant for. */
export function findRoute(method: string, url: string): Route | undefined {
  const [path = '', query = ''] = url.split(/\?(.*)/s);
  const { projectId, taskId = '', verb = '' } = pathForm.exec(path)?.groups ?? {};
  const key = `${method} ${taskId === '' ? '' : `/{id}${verb}`}`;
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
