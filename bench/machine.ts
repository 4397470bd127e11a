import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { GIB } from './units.js';

export interface Machine {
  readonly processors: string;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  /** Of the last minute: what else was running. */
  readonly load: number;
}

export function thisMachine(): Machine {
  return {
    processors: `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown'} (${process.arch})`,
    memoryGib: Math.round(totalmem() / GIB),
    kernel: release(),
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

export function describeMachine(machine: Machine): string {
  const { processors, memoryGib, kernel, node, load } = machine;
  return `${processors}, ${memoryGib} GiB, Linux ${kernel}, Node ${node}, load ${load} at the beginning`;
}
