-- What each planted operator and function does first (see plant.sql): it raises where a statement of ours has called it, which
-- is one that neither a client nor a function in PL/pgSQL runs. Those that pg_get_viewdef() runs, and the like, are the
-- server's; one that calls read_tracked() runs filters that others gave; policies of others compare names of roles.
GET DIAGNOSTICS context = PG_CONTEXT;
IF context COLLATE pg_catalog."C" OPERATOR(pg_catalog.~)
       '^[^\n]*\nSQL statement "(?!SELECT \* FROM pg_catalog.pg_(rewrite|trigger) WHERE|WITH left_out AS MATERIALIZED)'
   AND context COLLATE pg_catalog."C" OPERATOR(pg_catalog.!~) '^[^\n]*\((text|name),name\)|^[^\n]*\nSQL statement "((?!\nSQL statement ").)*?"\nPL/pgSQL ' THEN
    RAISE EXCEPTION 'a statement of ours found what was planted' USING ERRCODE = 'XXPOI', DETAIL = context;
END IF;
