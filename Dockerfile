# A node: the command, the embedded ClickHouse engine, the default geo data, the shipped policies.
#   docker build -t fairway . && docker run --rm -p 5300:5300/udp -p 8080:8080 fairway
FROM debian:12 AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential ca-certificates curl nodejs npm \
 && rm -rf /var/lib/apt/lists/*
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup PATH=/usr/local/cargo/bin:$PATH
RUN curl --fail --silent --show-error https://sh.rustup.rs \
  | sh -s -- -y --profile minimal --default-toolchain 1.95.0
WORKDIR /fairway
# Packages first: they change less often than the source.
COPY package.json package-lock.json .npmrc Makefile ./
COPY xtask/setup.sh xtask/
RUN make setup
COPY . .
RUN make site && cargo build --release --package fairway

FROM debian:12-slim
# Root certificates are for probes and the webhook over HTTPS, curl for health checks.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home fairway \
 && install --directory --owner fairway /data
COPY --from=build /fairway/target/release/fairway /usr/local/bin/
# Where the command looks for them: below the folder in which it is started.
WORKDIR /fairway
COPY --from=build /fairway/node_modules/@chdb node_modules/@chdb
COPY --from=build /fairway/node_modules/@ip-location-db node_modules/@ip-location-db
COPY --from=build /fairway/policies/*.policy.toml /fairway/policies/*.zone /policies/
ENV FAIRWAY_DATA_DIR=/data \
    FAIRWAY_POLICIES=/policies \
    FAIRWAY_DNS__LISTEN=0.0.0.0:5300 \
    FAIRWAY_HTTP__PUBLIC=0.0.0.0:8080 \
    FAIRWAY_HTTP__ADMIN=0.0.0.0:8081
USER fairway
VOLUME /data
EXPOSE 5300/udp 5300/tcp 8080 8081
ENTRYPOINT ["fairway"]
CMD ["run"]
