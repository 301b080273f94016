"""The `votremachine` command: up, serve, work, migrate, seed, staff, doctor, catch-up, machines import, reminders.

What a person can put right ends with one line on stderr and exit code 2; a process that died by itself with 1.
"""

import argparse
import asyncio
import os
import sys
import time
from datetime import date
from pathlib import Path
from uuid import UUID

import msgspec

from votremachine.config import BadSetting, Settings, check_gateway, check_secrets, read_settings
from votremachine.infra.address import check_free, check_redis, is_ready, local_url
from votremachine.infra.servers.postgres import EmbeddedPostgres, running_url
from votremachine.infra.servers.process import CannotStart
from votremachine.infra.servers.redis import EmbeddedRedis
from votremachine.infra.supervisor import ChildDied, Interrupted, Supervisor
from votremachine.infra.var_dir import kept_secret, the_only_one

SERVERS_SECONDS = 60  # PostgreSQL may have to replay its log after a crash
READY_SECONDS = 60


def main(words: list[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    given = _parser().parse_args(words)
    try:
        given.run(read_settings(), given)
    except (BadSetting, CannotStart) as error:
        return _complain(error, 2)
    except ChildDied as error:
        return _complain(error, 1)
    except (Interrupted, KeyboardInterrupt):
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="votremachine", description="A marketplace where farms rent machinery.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run, purpose in (
        (up, "everything on this machine, servers and demo included, until Ctrl-C"),
        (serve, "the HTTP API"),
        (work, "the worker that sends, sweeps and delivers"),
        (migrate, "bring the database to this version"),
        (seed, "put the demo into the database; harmless when it is there"),
        (staff, "make somebody with an account staff of the platform, or no longer"),
        (doctor, "verify that no signed condition report was altered"),
    ):
        command = commands.add_parser(run.__name__, help=purpose, description=purpose)
        command.set_defaults(run=run)
        if run is migrate:
            either = command.add_mutually_exclusive_group()
            either.add_argument("--to", metavar="REV", default="head", help="up to this revision, not the newest")
            either.add_argument("--down", metavar="REV", help='down to this revision; "base" empties the database')
        if run is staff:
            command.add_argument("address", help="their e-mail address or phone number")
            command.add_argument("role", choices=["support", "mediator", "operator", "none"])
        if run is doctor:
            command.add_argument("--photos", action="store_true", help="read every photo again, too")
    purpose = "enter into the books what older versions left out"
    command = commands.add_parser("catch-up", help=purpose, description=purpose)
    said = "invoice, too, what ended since that day and was not: a day from which owners did not do it themselves"
    command.add_argument("--invoices-since", type=date.fromisoformat, metavar="YYYY-MM-DD", help=said)
    command.set_defaults(run=catch_up)
    _add_import(commands.add_parser("machines", help="the fleet of a party").add_subparsers(required=True))
    _add_reminders(commands.add_parser("reminders", help="what could not be sent").add_subparsers(required=True))
    return parser


def _add_reminders(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for verb, which, purpose in (
        ("list", "", "what could not be told or sent after many tries"),
        ("retry", "?", "try it again: all of it, or one"),
        ("replay", "1", "send once more what was sent; its person gets it twice"),
    ):
        command = commands.add_parser(verb, help=purpose, description=purpose)
        if which:
            command.add_argument("letter", type=UUID, nargs=which if which == "?" else None, metavar="ID")
        command.set_defaults(run=mind_reminders, verb=verb)


def _add_import(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    purpose = "list the machines of a CSV file (docs/machines.md) as drafts of a party, all of them or none"
    command = commands.add_parser("import", help=purpose, description=purpose)
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--party", type=UUID, required=True, metavar="ID", help="whose machines they are")
    command.add_argument("--dry-run", action="store_true", help="only say what would be done")
    command.set_defaults(run=import_machines)


def serve(settings: Settings, _: argparse.Namespace) -> None:
    _need(settings, "database_url", "redis_url")
    check_secrets(settings)
    check_gateway(settings)
    check_free(settings.host, settings.port)
    from granian import Granian  # each command imports only its own half of the house
    from granian.constants import Interfaces, Loops

    Granian(
        "votremachine.app:create_app",
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.host,
        port=settings.port,
        workers=settings.api_processes,
        loop=Loops.uvloop,
        respawn_failed_workers=True,
        workers_kill_timeout=3,  # seconds; a stream that a client keeps open must not hold up the end
    ).serve()


def work(settings: Settings, _: argparse.Namespace) -> None:
    _need(settings, "database_url", "redis_url")
    check_secrets(settings)
    check_gateway(settings)
    from votremachine.worker import run  # as in serve

    run(settings)


def migrate(settings: Settings, given: argparse.Namespace) -> None:
    _need(settings, "database_url")
    _migrate(settings.database_url, given.to, given.down)


def seed(settings: Settings, _: argparse.Namespace) -> None:
    _need(settings, "database_url")
    _plant(settings)


def staff(settings: Settings, given: argparse.Namespace) -> None:
    settings = _with_database(settings)
    from votremachine.accounts.appointing import appoint  # takes 0.3 s, as in migrate
    from votremachine.kernel.errors import DomainError

    try:
        asyncio.run(appoint(settings, given.address, given.role))
    except DomainError as error:
        raise CannotStart(error.sentence("en")) from error


def doctor(settings: Settings, given: argparse.Namespace) -> None:
    settings = _with_database(settings)
    from votremachine.inspections.command import run  # as in serve

    run(settings, photos=given.photos)


def catch_up(settings: Settings, given: argparse.Namespace) -> None:
    settings = _with_database(settings)
    from votremachine.invoicing.command import run  # as in serve

    run(settings, given.invoices_since)


def import_machines(settings: Settings, given: argparse.Namespace) -> None:
    settings = _with_database(settings)
    from votremachine.fleet.importing.command import run  # as in serve

    run(settings, given.file, given.party, dry=given.dry_run)


def mind_reminders(settings: Settings, given: argparse.Namespace) -> None:
    settings = _with_database(settings)
    from votremachine.kernel.errors import DomainError
    from votremachine.notifications.command import run  # as in serve

    try:
        asyncio.run(run(settings, given.verb, getattr(given, "letter", None)))
    except DomainError as error:
        raise CannotStart(error.sentence("en")) from error


def up(settings: Settings, _: argparse.Namespace) -> None:
    begun = time.monotonic()
    var_dir = settings.var_dir.resolve()
    with the_only_one(var_dir), Supervisor(var_dir) as supervisor:
        supervisor.stop_leftovers("serve", "work")
        check_free(settings.host, settings.port)
        settings = _complete(settings, var_dir)
        settings = _with_servers(settings, supervisor)
        _migrate(settings.database_url, "head", None)
        supervisor.check()
        supervisor.run("serve", _environ(settings))
        if settings.demo:
            _plant(settings)  # while the API loads
        supervisor.wait_for(lambda: is_ready(settings.host, settings.port), "the API", READY_SECONDS)
        supervisor.run("work", _environ(settings))
        _greet(settings, time.monotonic() - begun)
        supervisor.watch()


def _need(settings: Settings, *names: str) -> None:
    for name in names:
        if not getattr(settings, name):
            raise CannotStart(f"VOTREMACHINE_{name.upper()} is not set; only `votremachine up` brings its own servers")


def _with_database(settings: Settings) -> Settings:
    """The settings with the database of the `up` that runs in var_dir, where they name none."""
    url = settings.database_url or running_url(settings.var_dir.resolve() / "postgres")
    if not url:
        raise CannotStart(
            f"VOTREMACHINE_DATABASE_URL is not set, and no `votremachine up` runs in {settings.var_dir.resolve()}"
        )
    return msgspec.structs.replace(settings, database_url=url)


def _complete(settings: Settings, var_dir: Path) -> Settings:
    """The settings of an `up`: a secret that lasts, and the demo unless the operator decided."""
    return msgspec.structs.replace(
        settings,
        var_dir=var_dir,
        secret=settings.secret or kept_secret(var_dir),
        demo=settings.demo or "VOTREMACHINE_DEMO" not in os.environ,
    )


def _with_servers(settings: Settings, supervisor: Supervisor) -> Settings:
    """Starts the servers that the operator named none of, both at once; the settings that lead to them."""
    postgres = EmbeddedPostgres(settings.var_dir / "postgres")
    redis = EmbeddedRedis(settings.var_dir / "redis")
    for url, server in ((settings.database_url, postgres), (settings.redis_url, redis)):
        if not url:
            supervisor.launch(server)
    if settings.redis_url:
        check_redis(settings.redis_url)
    import votremachine.infra.migrate  # noqa: F401 -- takes 0.7 s, just what the servers need to start

    supervisor.wait_for_servers(SERVERS_SECONDS)
    return msgspec.structs.replace(
        settings,
        database_url=settings.database_url or postgres.url,
        redis_url=settings.redis_url or redis.url,
    )


def _migrate(url: str, to: str, down: str | None) -> None:
    from votremachine.infra import migrate as migrations  # takes 0.7 s, which `--help` need not wait for

    try:
        asyncio.run(migrations.downgrade(url, down) if down else migrations.upgrade(url, to))
    except (migrations.DatabaseUnreachable, migrations.NewerDatabase, migrations.UnknownRevision) as error:
        raise CannotStart(str(error)) from error


def _plant(settings: Settings) -> None:
    from votremachine.demo.seed import seed as plant  # the demo is not loaded on a real service

    plant(settings)


def _environ(settings: Settings) -> dict[str, str]:
    """What `up` decided, as variables for the commands that it starts."""
    decided = ("var_dir", "database_url", "redis_url", "secret", "demo")
    return {f"VOTREMACHINE_{name.upper()}": str(getattr(settings, name)) for name in decided}


def _greet(settings: Settings, seconds: float) -> None:
    url = local_url(settings.host, settings.port)
    print(f"Votremachine runs at {url} (ready in {seconds:.1f} s). Ctrl-C stops everything.")
    lines = [f"curl {url}/health/ready", f"curl {url}/v1/categories", f"curl {url}/schema/openapi.json"]
    if settings.demo:
        from votremachine.demo.sign_ins import SIGN_INS  # the demo is not loaded on a real service

        print("\nDemo sign-ins")
        for offered in SIGN_INS:
            print(f"  {offered.email}  {offered.password}  {offered.who}")
        lines[1:] = _demo_lines(url, SIGN_INS[0].email, SIGN_INS[0].password)
    print("\nTry", *lines, sep="\n  ", flush=True)


def _demo_lines(url: str, email: str, password: str) -> list[str]:
    """Sign in, and look at three machines."""
    body = msgspec.json.encode({"email": email, "password": password}).decode()
    login = f"curl -s {url}/v1/auth/login -H 'Content-Type: application/json' -d '{body}'"
    pick = r"""sed 's/.*"access_token":"\([^"]*\).*/\1/'"""
    return [
        f"TOKEN=$({login} | {pick})",
        f'curl -H "Authorization: Bearer $TOKEN" "{url}/v1/machines?limit=3"',
    ]


def _complain(error: Exception, code: int) -> int:
    print(f"votremachine: {' '.join(str(error).split())}", file=sys.stderr)
    return code
