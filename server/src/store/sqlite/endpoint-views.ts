/**
 * The views that derive the endpoint sets: a second derivation, apart from
 * model/endpoints.ts, that a test holds against the first.
 */
export const ENDPOINT_VIEWS: Readonly<Record<string, string>> = {
  /* Which pods each service with a selector chooses. What pods must have is joined by label, not tried pod by pod. */
  members: `
    WITH demand AS MATERIALIZED (SELECT * FROM selectors),
    label AS MATERIALIZED (SELECT * FROM pod_labels),
    hit AS (
      SELECT demand.namespace, service, requirement, pod FROM demand JOIN label
        ON label.namespace = demand.namespace AND label.key = demand.key
          AND label.value = demand.value
      WHERE operator = 'In'
      UNION
      SELECT demand.namespace, service, requirement, pod FROM demand JOIN label
        ON label.namespace = demand.namespace AND label.key = demand.key
      WHERE operator = 'Exists'
    ),
    hits AS MATERIALIZED (
      SELECT namespace, service, pod, count(*) AS met FROM hit GROUP BY namespace, service, pod
    ),
    miss AS MATERIALIZED (
      SELECT demand.namespace, service, pod FROM demand JOIN label
        ON label.namespace = demand.namespace AND label.key = demand.key
      WHERE operator = 'DoesNotExist' OR operator = 'NotIn' AND label.value = demand.value
    ),
    asked AS MATERIALIZED (
      SELECT namespace, service,
        count(DISTINCT requirement) FILTER (WHERE operator NOT IN ('NotIn', 'DoesNotExist')) AS wanted
      FROM demand GROUP BY namespace, service
    ),
    candidate AS (
      SELECT namespace, service, pod FROM asked JOIN hits USING (namespace, service)
      WHERE met = wanted
      UNION ALL
      SELECT namespace, service, pods.name FROM asked JOIN pods USING (namespace) WHERE wanted = 0
    )
    SELECT namespace, service, pod FROM candidate
    EXCEPT SELECT namespace, service, pod FROM miss`,

  /*
   * Endpoints of services with a selector. A port is missing where the pod does not have the
   * service's target port; an endpoint without any port is one row without port.
   */
  pod_endpoints: `
    WITH port AS MATERIALIZED (SELECT * FROM service_ports),
    service AS MATERIALIZED (SELECT * FROM services WHERE type <> 'ExternalName'),
    candidate AS MATERIALIZED (
      SELECT *, name AS pod FROM pods WHERE phase NOT IN ('Succeeded', 'Failed')
    ),
    chosen AS (
      SELECT members.namespace, members.service, members.pod,
        members.pod || '/' || uid AS endpoint,
        (SELECT ip.value FROM json_each(pod_ips) AS ip
          WHERE (instr(ip.value, ':') > 0) = (family.value = 'IPv6') ORDER BY ip.key LIMIT 1
        ) AS address,
        ports,
        ready AND NOT disconnected AND NOT maintenance AND proven AS serving,
        terminating,
        publish_not_ready_addresses AS published,
        zone,
        node_name,
        weight
      FROM members
        JOIN service ON service.namespace = members.namespace AND service.name = members.service
        JOIN candidate ON candidate.namespace = members.namespace AND candidate.pod = members.pod
        JOIN json_each(service.ip_families) AS family
    )
    SELECT chosen.namespace, chosen.service, endpoint, pod, address, port.name AS port_name,
      port.protocol,
      CASE typeof(port.target_port) WHEN 'text' THEN
        (SELECT own.value ->> '$.containerPort' FROM json_each(ports) AS own
          WHERE own.value ->> '$.name' = port.target_port
            AND own.value ->> '$.protocol' = port.protocol ORDER BY own.key LIMIT 1)
        ELSE port.target_port END AS port,
      published OR serving AND NOT terminating AS ready,
      serving, terminating, zone, node_name, weight
    FROM chosen LEFT JOIN port
      ON port.namespace = chosen.namespace AND port.service = chosen.service
        AND (typeof(port.target_port) <> 'text' OR EXISTS
          (SELECT 1 FROM json_each(ports) AS own WHERE own.value ->> '$.name' = port.target_port
            AND own.value ->> '$.protocol' = port.protocol))
    WHERE address IS NOT NULL`,

  /* Hand-written endpoints of services without a selector: one row for each time an address is written. */
  slice_addresses: `
    SELECT services.namespace, services.name AS service,
      publish_not_ready_addresses AS published,
      entries.value ->> '$.metadata.name' AS slice,
      entries.value -> '$.ports' AS ports,
      endpoint.value ->> '$.addresses[0]' AS address,
      endpoint.key AS place,
      endpoint.value ->> '$.conditions.ready' AS ready,
      endpoint.value ->> '$.conditions.serving' AS serving,
      endpoint.value ->> '$.conditions.terminating' AS terminating,
      endpoint.value ->> '$.zone' AS zone,
      endpoint.value ->> '$.nodeName' AS node_name
    FROM entries
      JOIN services ON services.namespace = entries.value ->> '$.metadata.namespace'
        AND services.name = entries.value ->> '$.metadata.labels."kubernetes.io/service-name"'
      JOIN json_each(entries.value, '$.endpoints') AS endpoint
    WHERE entries.key >= 'endpointslices/' AND entries.key < 'endpointslices0'
      AND services.type <> 'ExternalName'
      AND NOT EXISTS (SELECT 1 FROM selectors
        WHERE selectors.namespace = services.namespace AND selectors.service = services.name)
      AND entries.value ->> '$.addressType' IN (SELECT value FROM json_each(services.ip_families))`,

  /* The slices joined by address; where two say different things the first by name holds. */
  slice_endpoints: `
    WITH written AS MATERIALIZED (SELECT * FROM slice_addresses WHERE address IS NOT NULL),
    ranked AS (
      SELECT *, row_number() OVER
        (PARTITION BY namespace, service, address ORDER BY slice, place) AS rank
      FROM written
    ),
    offered AS (
      SELECT written.namespace, written.service, address, port.value ->> '$.name' AS name,
        port.value ->> '$.protocol' AS protocol, port.value ->> '$.port' AS port,
        row_number() OVER (
          PARTITION BY written.namespace, written.service, address, port.value ->> '$.name'
          ORDER BY slice, place
        ) AS rank
      FROM written JOIN json_each(ports) AS port
      WHERE NOT EXISTS (SELECT 1 FROM service_ports
          WHERE service_ports.namespace = written.namespace
            AND service_ports.service = written.service)
        OR EXISTS (SELECT 1 FROM service_ports
          WHERE service_ports.namespace = written.namespace
            AND service_ports.service = written.service
            AND service_ports.name = port.value ->> '$.name'
            AND service_ports.protocol = port.value ->> '$.protocol')
    )
    SELECT ranked.namespace, ranked.service, ranked.address AS endpoint, '' AS pod,
      ranked.address, offered.name AS port_name, offered.protocol, offered.port,
      published OR ranked.ready AS ready, serving, terminating, zone, node_name, 100 AS weight
    FROM ranked LEFT JOIN offered ON offered.namespace = ranked.namespace
      AND offered.service = ranked.service AND offered.address = ranked.address
      AND offered.rank = 1
    WHERE ranked.rank = 1`,

  /* One row for each service, endpoint, address and port. */
  endpoints: `
    SELECT * FROM pod_endpoints
    UNION ALL
    SELECT * FROM slice_endpoints`,
}
