# The worker in an image of its own: one static binary, no shell, no root, nothing to write. It works with servers
# (NATS_URL, CLICKHOUSE_URL); the embedded engine is not in it.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# What `firstlight version` says of a build context that is no checkout.
ARG COMMIT="" DATE=""
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-X main.commit=$COMMIT -X main.date=$DATE" -o /out/firstlight ./cmd/firstlight

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/firstlight /firstlight
USER 65532:65532
ENV FIRSTLIGHT_HTTP_ADDR=0.0.0.0:8080 FIRSTLIGHT_CATALOG=/etc/firstlight/catalog.yaml LOG_FORMAT=json
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/firstlight", "health"]
ENTRYPOINT ["/firstlight"]
CMD ["run"]
