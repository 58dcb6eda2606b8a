#!/bin/sh
# Run once by PostgreSQL's image, when its volume is empty: Souk gets a role that owns Souk's database
# and nothing else. The superuser has no password left, so nobody becomes it over the network.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$(cat /run/secrets/postgres_password)" \
    --username postgres --dbname postgres <<'SQL'
create role souk login password :'password';
create database souk owner souk;
alter role postgres password null;
SQL
