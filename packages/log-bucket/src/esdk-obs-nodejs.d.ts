/** As much of esdk-obs-nodejs 3.26.8 as obs.ts uses; the package has no types. Results are checked there. */
declare module 'esdk-obs-nodejs' {
  import type { Agent as HttpAgent, ClientRequest } from 'node:http';
  import type { Agent as HttpsAgent } from 'node:https';

  interface ObsClientOptions {
    readonly access_key_id: string;
    readonly secret_access_key: string;
    readonly security_token?: string;
    /** Host name only. */
    readonly server: string;
    readonly port?: string;
    readonly is_secure: boolean;
    readonly path_style: boolean;
    readonly ssl_verify: boolean;
    readonly is_signature_negotiation: boolean;
    readonly max_retry_count: number;
    /** In seconds; 0 is none. */
    readonly timeout: number;
    readonly http_agent: HttpAgent;
    readonly https_agent: HttpsAgent;
    readonly user_agent: string;
  }

  interface ObsCall {
    readonly Bucket: string;
    /** Gets the request before anything of it is sent. Not in the vendor's manual. */
    readonly RequestHook?: (request: ClientRequest) => void;
  }

  interface ObjectCall extends ObsCall {
    readonly Key: string;
  }

  export default class ObsClient {
    constructor(options: ObsClientOptions);
    putObject(
      call: ObjectCall & { readonly ContentType: string; readonly ContentLength: number },
    ): Promise<unknown>;
    getObject(call: ObjectCall): Promise<unknown>;
    deleteObject(call: ObjectCall): Promise<unknown>;
    listObjects(
      call: ObsCall & {
        readonly Prefix: string;
        readonly Marker: string;
        readonly MaxKeys?: number;
        readonly EncodingType: 'url';
      },
    ): Promise<unknown>;
  }
}
