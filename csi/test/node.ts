import type { ServiceError } from '@grpc/grpc-js';
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serviceDefinition } from '../src/serve.js';

const PROJECT = resolve(import.meta.dirname, '../..');
export const DUMP = '0x0000000200000001';
const SIM = ['--sim-dump=200000001:1MiB', '--sim-dump=300000001:100001'];

const CLIENTS = {
  Identity: makeGenericClientConstructor(serviceDefinition('csi.proto', 'csi.v1.Identity'), 'Identity'),
  Node: makeGenericClientConstructor(serviceDefinition('csi.proto', 'csi.v1.Node'), 'Node'),
  Registration: makeGenericClientConstructor(
    serviceDefinition('registration.proto', 'pluginregistration.Registration'),
    'Registration',
  ),
};

/** Tries until it succeeds. @throws the last failure */
export async function until<T>(attempt: () => T | Promise<T>, limitMs = 30_000): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await sleep(150);
    }
  }
}

/** A node of a cluster, as far as a driver sees one: a host directory that daemons mount in, kubelet's, and pods. */
export class TestNode {
  /** On a private mount: what a container's mount namespace has of its own does not show on the host. */
  readonly work = mkdtempSync('/var/tmp/platdumpfs-csi-');
  readonly host = join(this.work, 'host');
  readonly kubelet = join(this.work, 'kubelet');
  daemon: ChildProcess | undefined;
  plugin: ChildProcess | undefined;
  readonly #pods: ChildProcess[] = [];

  constructor() {
    run('mount', '-t', 'tmpfs', 'csi-test', this.work);
    run('mount', '--make-private', this.work);
    for (const directory of ['source', 'volume']) mkdirSync(join(this.work, directory));
    // Shared, as everything is on a host with systemd.
    for (const directory of [this.host, this.kubelet]) {
      mkdirSync(directory);
      run('mount', '-t', 'tmpfs', 'csi-test', directory);
      run('mount', '--make-shared', directory);
    }
    mkdirSync(join(this.host, 'dumps'));
  }

  /** @param options of mount; by default what the DaemonSet says */
  async startDaemon(...options: string[]): Promise<void> {
    const mode = options.length === 0 ? ['-o', 'ro'] : options;
    const words = [
      'mount',
      'sim',
      join(this.host, 'dumps'),
      '--allow-other',
      '--lockdown=ignore',
      '--spool=none',
    ];
    this.daemon = spawn(join(PROJECT, 'bin/platdumpfs'), [...words, ...SIM, ...mode], {
      stdio: 'ignore',
      env: { ...process.env, RUNTIME_DIRECTORY: join(this.work, 'run') },
    });
    await until(() => this.sumOf(join(this.host, 'dumps')));
  }

  /** @param flags of the bind of the source, as a runtime sets them for mountPropagation and readOnly */
  async startPlugin(flags: readonly string[] = ['--make-rslave', '-o', 'remount,bind,ro']): Promise<void> {
    const source = join(this.work, 'source');
    const [propagation = '', ...remount] = flags;
    const lines = [
      `mount --rbind ${this.host} ${source}`,
      `mount ${propagation} ${source}`,
      ...(remount.length === 0 ? [] : [`mount ${remount.join(' ')} ${source}`]),
      `exec ${process.execPath} ${join(PROJECT, 'csi/dist/platdumpfs-csi.mjs')} --node-id=node1 --source=${source} --kubelet-dir=${this.kubelet}`,
    ];
    const script = ['unshare', '-m', '--propagation', 'unchanged', 'sh', '-ec', lines.join('\n')];
    this.plugin = spawn(script[0] ?? '', script.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] });
    await until(() => this.call('Identity', 'Probe', {}));
  }

  async end(who: 'daemon' | 'plugin', signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this[who];
    this[who] = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Asks the plugin as kubelet does. @throws ServiceError */
  call(
    service: 'Identity' | 'Node' | 'Registration',
    method: string,
    request: object,
  ): Promise<Record<string, unknown>> {
    const path =
      service === 'Registration'
        ? 'plugins_registry/csi.platdumpfs-reg.sock'
        : 'plugins/csi.platdumpfs/csi.sock';
    const client = new CLIENTS[service](`unix:${join(this.kubelet, path)}`, credentials.createInsecure());
    return new Promise((resolveCall, reject) => {
      const send = client[method] as (
        request: object,
        options: object,
        done: (error: ServiceError | null, response: Record<string, unknown>) => void,
      ) => void;
      send.call(client, request, { deadline: Date.now() + 20_000 }, (error, response) => {
        client.close();
        if (error === null) resolveCall(response);
        else reject(error);
      });
    });
  }

  target(pod: string): string {
    return join(this.kubelet, 'pods', pod, 'volumes/kubernetes.io~csi/dumps/mount');
  }

  /** What kubelet does before it starts a pod. */
  async publish(pod: string, change: object = {}): Promise<void> {
    const target = this.target(pod);
    mkdirSync(resolve(target, '..'), { recursive: true });
    await this.call('Node', 'NodePublishVolume', { ...publishRequest(`csi-${pod}`, target), ...change });
  }

  async unpublish(pod: string): Promise<void> {
    await this.call('Node', 'NodeUnpublishVolume', {
      volume_id: `csi-${pod}`,
      target_path: this.target(pod),
    });
  }

  /** A process that sees the volume as a container with mountPropagation HostToContainer does. @returns its pid */
  async startPod(pod: string): Promise<number> {
    const volume = join(this.work, 'volume');
    const lines = `mount --rbind ${this.target(pod)} ${volume}; mount --make-rslave ${volume}; echo ready; exec sleep 600`;
    const child = spawn('unshare', ['-m', '--propagation', 'slave', 'sh', '-ec', lines], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#pods.push(child);
    await once(child.stdout, 'data');
    return child.pid ?? 0;
  }

  /** SHA-256 of the dump, read in a pod. @throws Error with the message of the program that reads */
  sumInPod(pid: number): string {
    return run('nsenter', '-t', `${pid}`, '-m', 'sha256sum', join(this.work, 'volume/dumps', DUMP)).slice(
      0,
      64,
    );
  }

  inPod(pid: number, ...command: string[]): string {
    return run('nsenter', '-t', `${pid}`, '-m', ...command);
  }

  get volume(): string {
    return join(this.work, 'volume');
  }

  sumOf(directory: string): string {
    return run('sha256sum', join(directory, DUMP)).slice(0, 64);
  }

  /** What is mounted below kubelet's pods, as the host sees it. */
  podMounts(): string[] {
    return mountsBelow('/proc/self/mountinfo', join(this.kubelet, 'pods'));
  }

  /** The same in the plugin's mount namespace, and its descriptors. */
  pluginHolds(): { readonly mounts: readonly string[]; readonly descriptors: number } {
    const proc = `/proc/${this.plugin?.pid}`;
    return {
      mounts: mountsBelow(`${proc}/mountinfo`, join(this.kubelet, 'pods')),
      descriptors: readdirSync(`${proc}/fd`).length,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pod of this.#pods) pod.kill('SIGKILL');
    await this.end('plugin');
    await this.end('daemon');
    run('umount', '--recursive', '--lazy', this.work);
    rmSync(this.work, { recursive: true, force: true });
  }
}

function publishRequest(id: string, target: string): Record<string, unknown> {
  return {
    volume_id: id,
    target_path: target,
    readonly: true,
    volume_capability: { mount: {}, access_mode: { mode: 'SINGLE_NODE_WRITER' } },
    volume_context: { 'csi.storage.k8s.io/ephemeral': 'true', 'csi.storage.k8s.io/pod.name': 'diagnostics' },
  };
}

function mountsBelow(mountinfo: string, directory: string): string[] {
  const places = readFileSync(mountinfo, 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? []);
  return places.filter((place) => place.startsWith(`${directory}/`));
}

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
}
