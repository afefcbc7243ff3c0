-- A department's registry, made up, with every type and object that is easily lost on the way. `rows` sets its size.
\set ON_ERROR_STOP 1
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registrar') AS fresh \gset
\if :fresh
CREATE ROLE registrar LOGIN PASSWORD 'not a real password';
CREATE ROLE readers NOLOGIN;
CREATE ROLE auditor LOGIN CONNECTION LIMIT 3 VALID UNTIL '2036-01-01';
GRANT readers TO auditor WITH ADMIN OPTION;
ALTER ROLE auditor SET statement_timeout = '5s';
\endif

CREATE EXTENSION IF NOT EXISTS hstore;
CREATE SCHEMA office AUTHORIZATION registrar;
SET search_path = public, office;
CREATE TYPE status AS ENUM ('new', 'verified', 'with ''quote''', 'جدید');
CREATE DOMAIN cnic AS text CHECK (VALUE ~ '^\d{5}-\d{7}-\d$');
CREATE TYPE place AS (street text, number int);

CREATE TABLE citizens (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  card cnic UNIQUE,
  name text NOT NULL,
  name_upper text GENERATED ALWAYS AS (upper(name)) STORED,
  born date, state status DEFAULT 'new', balance numeric(14, 4), weight double precision, ratio real,
  photo bytea, facts jsonb, raw json, tags text[], matrix int[][], lives_at place,
  seen timestamptz, local_seen timestamp, waited interval, valid tstzrange, from_ip inet, token uuid,
  doc xml, words tsvector, pairs hstore, paid money, bits bit varying(12), fixed char(8), note text
);
ALTER TABLE citizens DROP COLUMN note;
ALTER TABLE citizens ADD COLUMN note text;
INSERT INTO citizens (card, name, born, state, balance, weight, ratio, photo, facts, raw, tags, matrix, lives_at, seen,
  local_seen, waited, valid, from_ip, token, doc, words, pairs, paid, bits, fixed, note)
SELECT lpad((i % 100000)::text, 5, '0') || '-' || lpad(i::text, 7, '0') || '-' || i % 10,
  CASE i % 4 WHEN 0 THEN 'شہری ' || i WHEN 1 THEN E'two\nlines\t' || i ELSE 'Citizen ' || i END,
  date '1950-01-01' + i, (enum_range(NULL::status))[1 + i % 4], i * 1.2500,
  (ARRAY['NaN', 'Infinity', '-0', '0.1'])[1 + i % 4]::float8, 1.0 / i, decode(md5(i::text), 'hex') || '\x00ff'::bytea,
  jsonb_build_object('i', i, 'deep', jsonb_build_array(NULL, 1.0, 1.00, '"')), '{"b":1, "a" : 2, "b":3}',
  CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '{}'::text[] ELSE ARRAY['a,b', NULL, '', 'NULL'] END,
  '[0:1][1:2]={{1,2},{3,4}}'::int[], ROW('Main, "Road"', i)::place, timestamptz '2026-01-01 00:00+05' + i * interval '1 h',
  CASE WHEN i % 50 = 0 THEN 'infinity'::timestamp ELSE timestamp '0044-03-15 12:00 BC' END, i * interval '1 mon 2 d',
  tstzrange(timestamptz '2026-01-01 00:00Z', NULL), ('192.0.2.' || i % 255)::inet, md5(i::text)::uuid,
  xmlparse(content '<a>&amp;' || i || '</a>'), to_tsvector('simple', 'word ' || i), hstore('k', NULL), i::money,
  (i % 4096)::bit(12)::bit varying, 'x', CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'n' END
FROM generate_series(1, :rows) i;

CREATE TABLE no_key (word text, amount numeric);
INSERT INTO no_key SELECT 'word ' || i % 7, i % 3 FROM generate_series(1, :rows) i;
INSERT INTO no_key VALUES (NULL, NULL), (NULL, NULL), ('', NULL), ('NULL', 1.0), ('NULL', 1.00);

CREATE TABLE events (at timestamptz NOT NULL, region text NOT NULL, what jsonb, PRIMARY KEY (at, region))
  PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01Z') TO ('2026-01-01Z')
  PARTITION BY LIST (region);
CREATE TABLE events_2025_north PARTITION OF events_2025 FOR VALUES IN ('north');
CREATE TABLE events_2025_rest PARTITION OF events_2025 DEFAULT;
CREATE TABLE events_later PARTITION OF events DEFAULT;
INSERT INTO events SELECT timestamptz '2025-06-01 00:00Z' + i * interval '1 d', (ARRAY['north', 'south'])[1 + i % 2],
  jsonb_build_object('i', i) FROM generate_series(1, :rows) i;

CREATE TABLE nothing_in_it ();
INSERT INTO nothing_in_it DEFAULT VALUES;
CREATE TABLE empty_table (id uuid PRIMARY KEY);
CREATE TABLE "Odd ""name""; --" ("a column" text PRIMARY KEY, "SELECT" int);
INSERT INTO "Odd ""name""; --" VALUES ('x', 1), ('y''s', 2);
CREATE TABLE parent (id int PRIMARY KEY, v text);
CREATE TABLE child (extra text) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child VALUES (2, 'c', 'e');
CREATE UNLOGGED TABLE scratch AS SELECT 1 AS a;

CREATE SEQUENCE never_called START 7;
CREATE SEQUENCE called INCREMENT 5;
SELECT nextval('called'), nextval('called');

CREATE MATERIALIZED VIEW per_state AS SELECT state, count(*) AS many FROM citizens GROUP BY state;
CREATE UNIQUE INDEX ON per_state (state);
CREATE MATERIALIZED VIEW never_filled AS SELECT 1 AS a WITH NO DATA;
CREATE VIEW names AS SELECT id, name FROM citizens;
CREATE FUNCTION office.grow(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE INDEX ON citizens USING gin (facts);
CREATE FUNCTION office.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := coalesce(NEW.note, ''''); RETURN NEW; END';
CREATE TRIGGER stamp BEFORE UPDATE ON citizens FOR EACH ROW EXECUTE FUNCTION office.stamp();
ALTER TABLE citizens ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON citizens TO readers USING (state = 'verified');
COMMENT ON TABLE citizens IS 'Made up';

SELECT lo_from_bytea(900001, decode(repeat('00ff10', 1500000), 'hex')) IS NOT NULL,
  lo_from_bytea(900002, '') IS NOT NULL;
ALTER LARGE OBJECT 900001 OWNER TO registrar;
GRANT SELECT ON LARGE OBJECT 900001 TO readers;

GRANT USAGE ON SCHEMA office TO readers;
GRANT SELECT ON citizens TO readers;
GRANT UPDATE (note) ON citizens TO auditor;
ALTER DEFAULT PRIVILEGES IN SCHEMA office GRANT SELECT ON TABLES TO readers;
ALTER TABLE events OWNER TO registrar;
SELECT format('ALTER DATABASE %I SET work_mem = ''8MB''', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO auditor', current_database()) \gexec
SELECT format('ALTER ROLE registrar IN DATABASE %I SET work_mem = ''16MB''', current_database()) \gexec
