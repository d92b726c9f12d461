export { startAzurite, type Azurite } from './azurite.ts';
export { startKafkaMock, whyNoKafkaMock, type KafkaMock } from './kafka-mock.ts';
export { startMariadb, whyNoMariadb, type Mariadb, type MariadbOptions } from './mariadb.ts';
export { startPostgres, whyNoPostgres, type Postgres, type PostgresOptions } from './postgres.ts';
export { startRabbitmq, whyNoRabbitmq, type Rabbitmq } from './rabbitmq.ts';
export { startRadosgw, whyNoRadosgw, type Radosgw, type RadosgwOptions } from './radosgw.ts';
