import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from '../support/checkout.ts'

const NAMESPACES = ['-Urnpf', '--mount-proc', '--kill-child']

/** Whether a process may have networks of its own, and ARP to speak in them. */
const hasNetworks = (() => {
  try {
    const script = 'ip link add va type veth peer name vb && command -v arping'
    execFileSync('unshare', [...NAMESPACES, 'sh', '-c', script], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

// Two nodes on one wire, 10.0.0.1 with the registry and 10.0.0.2, an agent on each.
const SCRIPT = `
set -eu
cd "$1"; node=$2 program=$3 ip=192.0.2.9
roster() { "$node" "$program" "$@"; }
on_b() { nsenter -t "$b" -n "$@"; }
until_true() { for n in $(seq 400); do if eval "$1"; then return; fi; sleep 0.05; done; echo "never: $1"; cat *.log; exit 1; }
agent() { exec "$node" "$program" agent --registry 10.0.0.1:7400 --dns-listen off --snapshot off \\
  --log-level debug --load-balancer --lb-pool $ip/32 --lb-interface "$1"; }
a_has() { ip -o address show dev va | grep -q "$ip/32"; }
b_has() { on_b ip -o address show dev vb | grep -q "$ip/32"; }

unshare -n sleep 300 & b=$!
ip link set lo up
ip link add va type veth peer name vb
until_true '[ "$(readlink /proc/$b/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
ip link set vb netns $b
ip address add 10.0.0.1/24 dev va; ip link set va up
on_b ip address add 10.0.0.2/24 dev vb; on_b ip link set vb up
on_b ip route add 192.0.2.0/24 dev vb
# Left over from a machine that had the address before.
on_b ip neigh add $ip lladdr 02:00:00:00:00:01 dev vb nud stale

roster serve --no-agent --insecure --data ./r.db --listen 10.0.0.1:7400 --log-level warn > serve.log 2>&1 &
until_true 'roster health --registry 10.0.0.1:7400 > /dev/null 2>&1'
export ROSTER_REGISTRY=10.0.0.1:7400
(agent va) > a.log 2>&1 & a=$!
echo '{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"type":"LoadBalancer","ports":[{"port":80}]}}' | roster apply -f - > /dev/null
until_true a_has
echo "a holds it"
until_true 'on_b ip neigh show $ip dev vb | grep -q "$(ip -o link show va | sed "s/.*ether \\([^ ]*\\).*/\\1/")"'
echo "b has learned where it is"
nsenter -t $b -n "$node" "$program" agent --registry 10.0.0.1:7400 --dns-listen off --snapshot off \\
  --log-level debug --load-balancer --lb-pool $ip/32 --lb-interface vb > b.log 2>&1 &
until_true 'grep -q "another machine has it" b.log'
b_has && echo "both hold it" || echo "b leaves it to a"
kill -9 $a; wait $a || true
a_has && echo "it stays when the agent is killed"
ip address del $ip/32 dev va
until_true b_has
echo "b takes it over"
roster delete service web > /dev/null
until_true '! b_has'
echo "b gives it up"
`

it.skipIf(!hasNetworks)(
  'an address of a pool is held by one node at a time (skipped where unshare, ip or arping may not)',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'roster-lb-'))
    const args = [directory, process.execPath, join(root, 'cli/dist/main.js')]
    try {
      const command = [...NAMESPACES, 'sh', '-c', SCRIPT, 'sh', ...args]
      const { stdout } = await promisify(execFile)('unshare', command, { timeout: 90_000 })
      expect(stdout.trim().split('\n')).toEqual([
        'a holds it',
        'b has learned where it is',
        'b leaves it to a',
        'it stays when the agent is killed',
        'b takes it over',
        'b gives it up',
      ])
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  },
  100_000,
)
