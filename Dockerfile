# Everything, for training:   docker build --tag charlstm .
# The writing part alone:     docker build --tag charlstm --build-arg DISTRIBUTION=charlstm-core .
#
# With the server:            docker build --tag charlstm --build-arg DISTRIBUTION='charlstm-core[serve]' .
#
# Runs and fetched texts are kept in the volume /data, so commands find them under their usual names:
#   docker run --rm --volume charlstm:/data charlstm train macbeth.txt --max-time 2m
#   docker run --rm --volume charlstm:/data charlstm generate macbeth --seed "MACBETH."
#   docker run --rm --volume charlstm:/data --publish 127.0.0.1:8000:8000 charlstm serve macbeth --host 0.0.0.0

FROM python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . ./core

FROM python:3.13-slim
ARG DISTRIBUTION=charlstm
COPY constraints.txt /tmp/constraints.txt
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt --find-links /wheels "$DISTRIBUTION" \
    && useradd --create-home --uid 1000 charlstm \
    && install --directory --owner=charlstm /data
ENV CHARLSTM_CACHE=/data/.cache
USER charlstm
WORKDIR /data
VOLUME /data
ENTRYPOINT ["charlstm"]
CMD ["--help"]
