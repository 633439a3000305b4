ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
ARG UV_VERSION=0.13.8
RUN pip install --no-cache-dir --root-user-action=ignore "uv==${UV_VERSION}"
WORKDIR /src
ENV UV_PROJECT_ENVIRONMENT=/opt/venv UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-install-project
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-editable

FROM python:${PYTHON_VERSION}-slim-bookworm
LABEL org.opencontainers.image.title="connwatch" org.opencontainers.image.licenses="Apache-2.0"
RUN install -d -o 65532 -g 65532 /var/lib/connwatch
COPY --from=build /opt/venv /opt/venv
USER 65532:65532
VOLUME /var/lib/connwatch
EXPOSE 10750
STOPSIGNAL SIGTERM
# http.client, since urllib would ask a proxy from the environment for it.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/opt/venv/bin/python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 10750, timeout=4); c.request('GET', '/-/healthy'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["/opt/venv/bin/connwatch"]
CMD ["run"]
