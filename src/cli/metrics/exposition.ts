import { createRequire } from 'node:module';
import type { Counter, Gauge, Registry } from 'prom-client';
import type { Measured, Metric, Sample } from './metric-table.js';
import { METRICS } from './metric-table.js';

/** What prom-client's index loads besides (cluster, push gateway, process metrics) takes ten times as long to load. */
const load = createRequire(import.meta.url);
const NewRegistry = load('prom-client/lib/registry.js') as typeof Registry;
const NewGauge = load('prom-client/lib/gauge.js') as typeof Gauge;
const NewCounter = load('prom-client/lib/counter.js') as typeof Counter;

/** `Content-Type` of the text. */
export const EXPOSITION_TYPE = NewRegistry.PROMETHEUS_CONTENT_TYPE;

/** What may be told now, in Prometheus' text format: at lockdown nothing of any dump. */
export function exposition(measured: Measured): Promise<string> {
  const registry = new NewRegistry();
  registry.setDefaultLabels({ mountpoint: measured.status.mountpoint });
  for (const metric of METRICS)
    if (metric.isAlwaysShown === true || !measured.isHidden) add(metric, metric.samples(measured), registry);
  return registry.metrics();
}

function add(
  { name, type, help, labels = [] }: Metric,
  samples: readonly Sample[],
  registry: Registry,
): void {
  // A family without a sample is a heading over nothing.
  if (samples.length === 0) return;
  const settings = { name, help, labelNames: labels, registers: [registry] };
  const family = type === 'gauge' ? new NewGauge(settings) : new NewCounter(settings);
  for (const { labels: values = {}, value } of samples) family.inc(values, value);
}
