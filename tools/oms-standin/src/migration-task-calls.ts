import { jsonAnswer, Refusal, type Answer } from './answers.ts';
import { parseMigrationTask } from './migration-task-bodies.ts';
import type { MigrationTask, MigrationTasks } from './migration-tasks.ts';
import type { Call, Service } from './routes.ts';

/** CreateTask. The task starts by itself. */
export function createTask({ body }: Call, { migrations }: Service): Answer {
  const { id, name } = migrations.create(parseMigrationTask(body));
  return jsonAnswer({ id, task_name: name }, `created ${id}`);
}

/** ShowTask. */
export function showTask({ taskId }: Call, { migrations }: Service): Answer {
  return jsonAnswer(describe(find(migrations, taskId)));
}

function find(migrations: MigrationTasks, taskId: string): MigrationTask {
  const task = migrations.all.find(({ id }) => String(id) === taskId);
  if (task === undefined) throw new Refusal(400, 'OMS.0054', 'Invalid task ID');
  return task;
}

function describe(task: MigrationTask): Record<string, unknown> {
  const { details, counts } = task;
  const done = counts.successful + counts.failed + counts.skipped;
  return {
    id: task.id,
    name: task.name,
    task_type: details.objects.type,
    status: task.status,
    description: details.description,
    migrate_since: details.migrateSince * 1000,
    object_overwrite_mode: details.object_overwrite_mode,
    src_node: { cloud_type: details.cloudType, bucket: details.sourceBucket },
    dst_node: { bucket: details.destinationBucket },
    start_time: task.startTime,
    progress: task.total === 0 ? (task.status === 5 ? 1 : 0) : done / task.total,
    total_num: task.total,
    successful_num: counts.successful,
    failed_num: counts.failed,
    skipped_num: counts.skipped,
    complete_size: counts.bytes,
    ...(task.error && { error_reason: { error_code: task.error.code, error_msg: task.error.message } }),
    ...(task.failedListKey !== undefined && {
      failed_object_record: { result: true, list_file_key: task.failedListKey },
    }),
  };
}
