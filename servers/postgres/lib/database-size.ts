// The size of a database, where the role may know it.

/** Of `d`. A size needs CONNECT on the database, or pg_read_all_stats; without it PostgreSQL fails the whole statement. */
export const sizeOfDatabase = `
    CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER') THEN pg_database_size(d.oid) END`
