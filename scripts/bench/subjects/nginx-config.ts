/**
 * A one-worker nginx in the foreground, everything it writes inside `folder`, no access log (a log would be held against
 * it), connections kept for ever so that no round pays for a reconnect.
 */
export function nginxConfig(folder: string, name: string, servers: string): string {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`)
    .join("\n  ");
  return `daemon off;
${user}
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${folder}/${name}.pid;
error_log stderr crit;
events { worker_connections 16384; }
http {
  access_log off;
  ${temporary}
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  ${servers}
}
`;
}
