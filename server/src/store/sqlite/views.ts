import { ENDPOINT_VIEWS } from './endpoint-views.ts'

/**
 * Views that show people what the registry knows: name to select statement, each
 * may use those before it. Booleans are 0 and 1.
 */
export const VIEWS: Readonly<Record<string, string>> = {
  entries: `
    SELECT entry.key, change.value, entry.revision, entry.lease
    FROM entry JOIN change ON change.id = entry.change_id`,

  services: `
    SELECT value ->> '$.metadata.namespace' AS namespace,
      value ->> '$.metadata.name' AS name,
      value ->> '$.spec.type' AS type,
      value ->> '$.spec.clusterIP' AS cluster_ip,
      value ->> '$.spec.externalName' AS external_name,
      value ->> '$.spec.publishNotReadyAddresses' AS publish_not_ready_addresses,
      value -> '$.spec.ipFamilies' AS ip_families,
      revision
    FROM entries WHERE key >= 'services/' AND key < 'services0'`,

  service_ports: `
    SELECT entries.value ->> '$.metadata.namespace' AS namespace,
      entries.value ->> '$.metadata.name' AS service,
      port.value ->> '$.name' AS name,
      port.value ->> '$.protocol' AS protocol,
      port.value ->> '$.port' AS port,
      port.value ->> '$.targetPort' AS target_port,
      port.value ->> '$.nodePort' AS node_port,
      port.value ->> '$.appProtocol' AS app_protocol
    FROM entries, json_each(entries.value, '$.spec.ports') AS port
    WHERE entries.key >= 'services/' AND entries.key < 'services0'`,

  /* One row for each value a requirement names, or one without a value; requirements are joined by AND. */
  selectors: `
    WITH service AS (
      SELECT value ->> '$.metadata.namespace' AS namespace,
        value ->> '$.metadata.name' AS service,
        value
      FROM entries WHERE key >= 'services/' AND key < 'services0'
    )
    SELECT namespace, service, label.fullkey AS requirement, label.key AS key, 'In' AS operator,
      label.value AS value
    FROM service, json_each(service.value, '$.spec.selector') AS label
    UNION ALL
    SELECT namespace, service, expression.fullkey, expression.value ->> '$.key',
      expression.value ->> '$.operator', named.value
    FROM service, json_each(service.value, '$.spec.matchExpressions') AS expression
      LEFT JOIN json_each(expression.value, '$.values') AS named`,

  pods: `
    SELECT entries.value ->> '$.metadata.namespace' AS namespace,
      entries.value ->> '$.metadata.name' AS name,
      entries.value ->> '$.metadata.uid' AS uid,
      entries.value -> '$.status.podIPs' AS pod_ips,
      entries.value ->> '$.status.phase' AS phase,
      entries.value ->> '$.status.ready' AS ready,
      entries.value ->> '$.status.terminating' AS terminating,
      entries.value ->> '$.spec.nodeName' AS node_name,
      entries.value ->> '$.spec.zone' AS zone,
      coalesce(override.value ->> '$.weight', entries.value ->> '$.spec.weight') AS weight,
      coalesce(override.value ->> '$.maintenance', 0) AS maintenance,
      broken.key IS NOT NULL AS disconnected,
      entries.value -> '$.spec.readinessProbe' IS NULL
        OR coalesce(mark.value ->> '$.condition.status', '') = 'True' AS proven,
      entries.value -> '$.spec.ports' AS ports,
      entries.value ->> '$.status.leaseId' AS lease,
      entries.revision
    FROM entries
      LEFT JOIN entries AS override ON override.key = 'overrides/' || substr(entries.key, 6)
      LEFT JOIN entries AS broken
        ON broken.key = 'disconnected/' || (entries.value ->> '$.status.leaseId')
      LEFT JOIN entries AS mark ON mark.key = 'probed/' || substr(entries.key, 6)
        AND mark.value ->> '$.uid' = entries.value ->> '$.metadata.uid'
        AND mark.value -> '$.probe' = entries.value -> '$.spec.readinessProbe'
    WHERE entries.key >= 'pods/' AND entries.key < 'pods0'`,

  pod_labels: `
    SELECT entries.value ->> '$.metadata.namespace' AS namespace,
      entries.value ->> '$.metadata.name' AS pod,
      label.key AS key,
      label.value AS value
    FROM entries, json_each(entries.value, '$.metadata.labels') AS label
    WHERE entries.key >= 'pods/' AND entries.key < 'pods0'`,

  ...ENDPOINT_VIEWS,
}
