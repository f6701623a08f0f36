"""Where the catalogues of these tests lie: in a folder, or as an environment says for a test."""

from tests.portal.postgres import bare_postgres, postgres, postgres_server
from tests.portal.s3 import s3, s3_server

__all__ = ["bare_postgres", "postgres", "postgres_server", "s3", "s3_server"]
