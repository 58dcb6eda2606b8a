# One image for every role: SOUK_SURFACE and the command say which (docker-compose.yml).
FROM python:3.13-slim-bookworm AS packages
COPY requirements.txt /
RUN python -m venv /opt/souk \
 && /opt/souk/bin/pip install --no-cache-dir --require-hashes --no-deps -r /requirements.txt

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent souk
COPY --from=packages /opt/souk /opt/souk
COPY . /srv/souk
WORKDIR /srv/souk
# Compiled here, because the user below can write nothing.
RUN python -m compileall -q marketplace sellers payments
ENV PATH=/opt/souk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=marketplace.settings \
    SOUK_SURFACE=all
USER souk
EXPOSE 8402
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s CMD \
    ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8402/healthz', timeout=4)"]
CMD ["granian", "--interface", "asgi", "--host", "0.0.0.0", "--port", "8402", "--no-ws", \
     "--log-config", "marketplace/granian.json", \
     "marketplace.asgi:application"]
