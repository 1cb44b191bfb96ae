# One image for the registry, the agent, the command and the examples.
# Any image with Node 20.19 or later, npm and a user `node` will do as its base.
ARG BASE_IMAGE=node:20-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /app
# The headers that came with Node spare the compiler of better-sqlite3 a download.
ENV npm_config_nodedir=/usr/local
COPY package.json package-lock.json .npmrc ./
COPY proto/package.json proto/
COPY server/package.json server/
COPY client/package.json client/
COPY agent/package.json agent/
COPY cli/package.json cli/
# The tool chain is needed only where better-sqlite3 has no built binary for this machine.
RUN npm ci || { \
      apt-get update && \
      apt-get install -y --no-install-recommends python3 make g++ && \
      npm ci; \
    }
COPY . .
RUN npm run gen && npx tsc --build cli examples
# What is left is what runs: built files, the contract and production dependencies.
RUN npm prune --omit=dev && \
    rm -rf ./*/src ./*/tsconfig.json tsconfig.base.json \
      node_modules/better-sqlite3/deps node_modules/better-sqlite3/build/Release/obj*

FROM ${BASE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
# For the agent: rules of nftables, the route of virtual IPs, flows of UDP. An image that has them needs no network.
RUN command -v nft && command -v ip && command -v conntrack || { \
      apt-get update && \
      apt-get install -y --no-install-recommends nftables iproute2 conntrack curl && \
      rm -rf /var/lib/apt/lists/*; \
    }
COPY --from=build /app ./
RUN chmod +x cli/dist/main.js && \
    ln -s /app/cli/dist/main.js /usr/local/bin/roster && \
    install -d -o node -g node /data
USER node
EXPOSE 7400
# The command alone takes seconds to start where the machine is busy.
HEALTHCHECK --interval=5s --timeout=10s --start-period=10s --retries=3 \
  CMD ["node", "cli/dist/main.js", "health"]
# Reachable from other machines only by whoever adds TLS, a token or --insecure.
CMD ["node", "server/dist/main.js", "--data", "/data/roster.db", "--listen", "0.0.0.0:7400"]
