// Generated from control-api/openapi.json by `npm run generate`. Do not edit.

export interface paths {
    "/api/v1/auth/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in with a one-time link */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SignInLink"];
                };
            };
            responses: {
                /** @description Signed in; sets the session cookie */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OrganiserSession"];
                    };
                };
                /** @description dead-link */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description too-many-attempts */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/profile": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Change name, address or password */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OrganiserSession"];
                    };
                };
                /** @description Not signed in, or the current password is wrong */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description email-taken */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is signed in */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OrganiserSession"];
                    };
                };
                /** @description Not signed in */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in with a password */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SignIn"];
                };
            };
            responses: {
                /** @description Signed in; sets the session cookie */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OrganiserSession"];
                    };
                };
                /** @description wrong-password */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description too-many-attempts */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sign-out": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign out */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Signed out; the cookie is removed */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description Not signed in */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/event-previews/{slug}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a visitor sees before entering */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The event's slug or id */
                    slug: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["EventPreview"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The organisation's events */
        get: {
            parameters: {
                query?: {
                    /** @description `next_cursor` of the page before. */
                    cursor?: string;
                    /** @description 1 to 100; 50 if absent. */
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["EventPage"];
                    };
                };
                /** @description Not signed in */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Make an event */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Repeating it answers with the first event */
                    "Idempotency-Key"?: string | null;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewEvent"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Event"];
                    };
                };
                /** @description Not signed in */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description slug-taken */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{event_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One event */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Event"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Delete an event */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Gone, with its stages, sessions, people and invitations */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description stage-on-air, has-replays */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /** Change an event */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["EventChange"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Event"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description slug-taken */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/events/{event_id}/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The event's invitations */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["InvitationList"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Invite somebody */
        post: {
            parameters: {
                query?: never;
                header?: {
                    "Idempotency-Key"?: string | null;
                };
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewInvitation"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Invitation"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{event_id}/invitations/{invitation_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke an invitation */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    event_id: string;
                    invitation_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Revoked: the link and every token made from it stop working */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{event_id}/reception": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is on */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Reception"];
                    };
                };
                /** @description unauthorised */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{event_id}/replays": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The event's replays */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ReplayList"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{event_id}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The event's sessions */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SessionList"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Make a session */
        post: {
            parameters: {
                query?: never;
                header?: {
                    "Idempotency-Key"?: string | null;
                };
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewSession"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Session"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{event_id}/stages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The event's stages */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["StageList"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Make a stage */
        post: {
            parameters: {
                query?: never;
                header?: {
                    "Idempotency-Key"?: string | null;
                };
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewStage"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Stage"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{event_id}/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin an upload */
        post: {
            parameters: {
                query?: never;
                header?: {
                    "Idempotency-Key"?: string | null;
                };
                path: {
                    event_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewUpload"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Upload"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/experience": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Enter an event */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Entry"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Experience"];
                    };
                };
                /** @description dead-invitation */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The event is for invited people */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description too-many-attempts */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/experience/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who the bearer is */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Me"];
                    };
                };
                /** @description unauthorised */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/replays/{replay_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One replay */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    replay_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Replay"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Delete a replay */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    replay_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Gone from storage */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description stage-on-air */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/replays/{replay_id}/captions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The replay's captions */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    replay_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["CaptionList"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Add captions */
        post: {
            parameters: {
                query: {
                    /** @description BCP 47, such as `en` or `pt-BR`. */
                    language: string;
                    /** @description As a menu shows it; absent: the language. */
                    label?: string;
                };
                header?: never;
                path: {
                    replay_id: string;
                };
                cookie?: never;
            };
            /** @description WebVTT, at most 4 MiB */
            requestBody: {
                content: {
                    "text/vtt": string;
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Caption"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Not WebVTT */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/replays/{replay_id}/captions/{caption_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Captions as WebVTT */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    replay_id: string;
                    caption_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description WebVTT */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/vtt": string;
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Delete captions */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    replay_id: string;
                    caption_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Gone */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/replays/{replay_id}/jobs/{job_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop a job */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    replay_id: string;
                    job_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Job"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/replays/{replay_id}/jobs/{job_id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Queue a failed or cancelled job again */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    replay_id: string;
                    job_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Job"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{session_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One session */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    session_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Session"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Delete a session */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    session_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Gone; whoever is in the room is sent away */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /** Change a session */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    session_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SessionChange"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Session"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/sessions/{session_id}/join": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Join a session */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    session_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SessionEntry"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RoomJoin"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stages/{stage_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One stage */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    stage_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Stage"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Delete a stage */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    stage_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Gone; its replays stay */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description stage-on-air */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /** Change a stage */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    stage_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["StageChange"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Stage"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/stages/{stage_id}/end": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take the stage off the air */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    stage_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Ending, or off the air already */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["StageStatus"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stages/{stage_id}/go-live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take the stage to air
         * @description Each time makes a new recording. Poll the status until `state` is `live`.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    stage_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Going live, or live already */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["StageStatus"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description stage-ending */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stages/{stage_id}/join": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Join a stage */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    stage_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["StageEntry"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["StageJoin"];
                    };
                };
                /** @description Backstage is for organisers and invited speakers */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stages/{stage_id}/programme": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Put people on stage, and choose the layout
         * @description Works before going live and while live.
         */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    stage_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Programme"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Programme"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description invalid */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stages/{stage_id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the control room shows */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    stage_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["StageStatus"];
                    };
                };
                /** @description For organisers and this stage's speakers */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stages/{stage_id}/watching": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say that the bearer still watches
         * @description Send it every ten to fifteen seconds while the picture plays.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    stage_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Counted for half a minute */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Viewers"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads/{upload_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is left to upload */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    upload_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Upload"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads/{upload_id}/complete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Complete an upload */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    upload_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Upload"];
                    };
                };
                /** @description not-found */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Parts are missing */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description Who may enter an event as an attendee.
         * @enum {string}
         */
        Access: "open" | "invited";
        /**
         * @description What a backstage participant is.
         * @enum {string}
         */
        BackstageKind: "producer" | "speaker" | "other";
        /** @description One participant of the backstage room. */
        BackstageParticipant: {
            /** @description Publishes a camera picture, not muted. */
            camera: boolean;
            identity: string;
            /** Format: date-time */
            joined_at: string;
            kind: components["schemas"]["BackstageKind"];
            /** @description Publishes a microphone, not muted. */
            microphone: boolean;
            name: string;
            /** @description In the programme now. */
            on_stage: boolean;
            /** @description Shares a screen. */
            screen: boolean;
        };
        /** @description One language of captions. */
        Caption: {
            id: string;
            /** @description As a menu shows it. */
            label: string;
            /** @description BCP 47, such as `en` or `pt-BR`. */
            language: string;
            state: components["schemas"]["ReplayState"];
        };
        /** @description All captions of a replay. */
        CaptionList: {
            items: components["schemas"]["Caption"][];
        };
        /** @description How a person enters an event. */
        Entry: components["schemas"]["InvitedEntry"] | components["schemas"]["OpenEntry"];
        /** @description An event. */
        Event: {
            access: components["schemas"]["Access"];
            /** Format: date-time */
            created_at: string;
            description: string;
            /** Format: date-time */
            ends_at: string;
            id: string;
            /** @description In the attendees' address: `/e/<slug>`. Unique in the installation. */
            slug: string;
            /** Format: date-time */
            starts_at: string;
            /** @description IANA name, such as `Europe/Paris`. */
            time_zone: string;
            title: string;
        };
        /** @description What to change about an event; absent members stay. */
        EventChange: {
            access?: components["schemas"]["Access"] | null;
            description?: string | null;
            /** Format: date-time */
            ends_at?: string | null;
            slug?: string | null;
            /** Format: date-time */
            starts_at?: string | null;
            time_zone?: string | null;
            title?: string | null;
        };
        /** @description One page of events, the latest start first. */
        EventPage: {
            items: components["schemas"]["Event"][];
            /** @description Pass it as `cursor` to get the next page; `null` on the last. */
            next_cursor: string | null;
        };
        /** @description What a visitor sees of an event before entering it. */
        EventPreview: {
            access: components["schemas"]["Access"];
            description: string;
            /** Format: date-time */
            ends_at: string;
            id: string;
            slug: string;
            /** Format: date-time */
            starts_at: string;
            time_zone: string;
            title: string;
        };
        /** @description A person's way into an event. */
        Experience: {
            event: components["schemas"]["EventPreview"];
            /** Format: date-time */
            expires_at: string;
            person: components["schemas"]["Person"];
            /** @description Send it as `Authorization: Bearer …`. Good for this event only. */
            token: string;
        };
        /** @description An invitation to one event. */
        Invitation: {
            /**
             * Format: date-time
             * @description When the person first used it.
             */
            accepted_at: string | null;
            /** Format: date-time */
            created_at: string;
            email: string | null;
            event_id: string;
            id: string;
            /** @description `<public url>/join#invitation=…`: give it to this person only. */
            link: string;
            name: string;
            /** Format: date-time */
            revoked_at: string | null;
            role: components["schemas"]["PersonRole"];
            stage_id: string | null;
        };
        /** @description All invitations of an event, newest first. */
        InvitationList: {
            items: components["schemas"]["Invitation"][];
        };
        /** @description Entry with an invitation. */
        InvitedEntry: {
            /** @description What follows `#invitation=` in the link. */
            invitation: string;
        };
        /** @description Something that is made from an asset. */
        Job: {
            /** @description Why it failed, for people. */
            error: string | null;
            id: string;
            /** @description `probe`, `ladder`, `mp4` or `pictures`. */
            kind: string;
            /**
             * Format: int32
             * @description 0 to 100.
             */
            percent: number;
            /** @description `queued`, `running`, `done`, `failed` or `cancelled`. */
            state: string;
        };
        /**
         * @description How tiles are placed.
         * @enum {string}
         */
        Layout: "solo" | "side_by_side" | "grid";
        /** @description Who the bearer of an experience token is. */
        Me: {
            event: components["schemas"]["EventPreview"];
            person: components["schemas"]["Person"];
        };
        /** @description An event to make. */
        NewEvent: {
            access: components["schemas"]["Access"];
            description?: string;
            /** Format: date-time */
            ends_at: string;
            /** @description Absent: made from the title. */
            slug?: string | null;
            /** Format: date-time */
            starts_at: string;
            /** @description IANA name; absent means `UTC`. */
            time_zone?: string | null;
            title: string;
        };
        /** @description An invitation to make. */
        NewInvitation: {
            email?: string | null;
            name: string;
            role: components["schemas"]["PersonRole"];
            /** @description For a speaker: the one stage they may go to; absent means every stage of the event. */
            stage_id?: string | null;
        };
        /** @description A session to make. */
        NewSession: {
            description?: string;
            /** Format: date-time */
            ends_at?: string | null;
            /** Format: date-time */
            starts_at?: string | null;
            title: string;
        };
        /** @description A stage to make. */
        NewStage: {
            title: string;
        };
        /** @description A file to upload. */
        NewUpload: {
            /** @description Such as `video/mp4`. */
            content_type: string;
            file_name: string;
            /** Format: int64 */
            size_bytes: number;
            /** @description Title of the replay; absent: the file's name. */
            title?: string | null;
        };
        /** @description Entry into an open event. */
        OpenEntry: {
            event_id: string;
            name: string;
        };
        /** @description The owner of events. */
        Organisation: {
            id: string;
            name: string;
        };
        /** @description An organiser's account. */
        Organiser: {
            /** @description `null` until the profile is filled in. */
            email: string | null;
            /** @description False until a password is set: then only a sign-in link opens the account. */
            has_password: boolean;
            id: string;
            name: string;
        };
        /** @description Who is signed in. */
        OrganiserSession: {
            /** @description Send it back in `X-CSRF-Token` with every request that is not a GET. */
            csrf_token: string;
            organisation: components["schemas"]["Organisation"];
            organiser: components["schemas"]["Organiser"];
        };
        /** @description A person inside one event. */
        Person: {
            event_id: string;
            id: string;
            name: string;
            role: components["schemas"]["PersonRole"];
            /** @description The stage that a speaker is invited to; `null` means every stage of the event. */
            stage_id: string | null;
        };
        /**
         * @description What a person is in an event.
         * @enum {string}
         */
        PersonRole: "speaker" | "attendee";
        /** @description Error body: RFC 9457. */
        Problem: {
            /** @description What happened and what to do, for people. */
            detail?: string | null;
            /** @description Which member of the request is wrong. */
            field?: string | null;
            /** Format: int32 */
            status: number;
            title: string;
            /**
             * @description Stable name of the kind of problem; switch on it.
             * @example /problems/not-found
             */
            type: string;
        };
        /** @description Replaces the organiser's profile. */
        Profile: {
            /**
             * Format: password
             * @description Needed to change the address or the password of an account that has a password.
             */
            current_password?: string | null;
            email: string;
            name: string;
            /**
             * Format: password
             * @description A new password; absent leaves it as it is.
             */
            password?: string | null;
        };
        /** @description Who is on the picture and how. */
        Programme: {
            layout: components["schemas"]["Layout"];
            /** @description Identities of backstage participants, in tile order. The others are neither seen nor heard. */
            on_stage: string[];
        };
        /** @description Everything the reception shows. */
        Reception: {
            event: components["schemas"]["EventPreview"];
            /**
             * Format: int32
             * @description People seen in this event within the last minute.
             */
            people_online: number;
            /** @description Newest first. */
            replays: components["schemas"]["ReplaySummary"][];
            /**
             * Format: date-time
             * @description For countdowns on machines whose clock is wrong.
             */
            server_time: string;
            sessions: components["schemas"]["ReceptionSession"][];
            stages: components["schemas"]["ReceptionStage"][];
        };
        /** @description A session as the reception shows it. */
        ReceptionSession: {
            description: string;
            /** Format: date-time */
            ends_at: string | null;
            id: string;
            /**
             * Format: int32
             * @description People in the room now.
             */
            participants: number;
            /** Format: date-time */
            starts_at: string | null;
            title: string;
        };
        /** @description A stage as the reception shows it. */
        ReceptionStage: {
            id: string;
            /** Format: date-time */
            live_since: string | null;
            /** @description Names of the people on stage, in tile order. */
            on_stage: string[];
            state: components["schemas"]["StageState"];
            title: string;
            /** Format: int32 */
            viewers: number;
        };
        /** @description A replay with everything its page needs. */
        Replay: components["schemas"]["ReplaySummary"] & {
            captions: components["schemas"]["Caption"][];
            /** @description Why `state` is `errored`, for people. */
            error: string | null;
            /** @description Multivariant playlist, with a token if the event is for invited people. `null` until it plays. */
            hls_url: string | null;
            /** @description What is being made of it, or was. */
            jobs: components["schemas"]["Job"][];
            /** @description An MP4 to download; `null` until it is made. */
            mp4_url: string | null;
            /** @description WebVTT with pictures for the seek bar; `null` until it is made. */
            storyboard_url: string | null;
        };
        /** @description All replays of an event, newest first. */
        ReplayList: {
            items: components["schemas"]["ReplaySummary"][];
        };
        /**
         * @description Life of a replay.
         * @enum {string}
         */
        ReplayState: "waiting" | "preparing" | "ready" | "errored";
        /** @description A replay in a list. */
        ReplaySummary: {
            /** Format: date-time */
            created_at: string;
            /** Format: int64 */
            duration_ms: number | null;
            event_id: string;
            /** @description The asset's id. */
            id: string;
            /** @description A picture; `null` until one is made. */
            poster_url: string | null;
            /** @description The stage it was recorded on; `null` for an upload. */
            stage_id: string | null;
            state: components["schemas"]["ReplayState"];
            title: string;
        };
        /** @description A way into a room for a LiveKit client. */
        RoomJoin: {
            /** @description The bearer's identity in the room. */
            identity: string;
            /** @description Name of the room. */
            room: string;
            /** @description LiveKit-compatible room token; use it within ten minutes. */
            room_token: string;
            /** @description `ws:` or `wss:` address of the SFU, without a path. */
            room_url: string;
        };
        /** @description A session: one room that attendees enter. */
        Session: {
            /** Format: date-time */
            created_at: string;
            description: string;
            /** Format: date-time */
            ends_at: string | null;
            event_id: string;
            id: string;
            /** Format: date-time */
            starts_at: string | null;
            title: string;
        };
        /** @description What to change about a session; absent members stay. */
        SessionChange: {
            description?: string | null;
            /** Format: date-time */
            ends_at?: string | null;
            /** Format: date-time */
            starts_at?: string | null;
            title?: string | null;
        };
        /** @description A way into a session. */
        SessionEntry: {
            /** @description True: camera, microphone and screen may be published. False: only watch and listen. */
            on_screen: boolean;
        };
        /** @description All sessions of an event, in order of start. */
        SessionList: {
            items: components["schemas"]["Session"][];
        };
        /** @description Sign in with address and password. */
        SignIn: {
            /** @example ada@example.org */
            email: string;
            /** Format: password */
            password: string;
        };
        /** @description Sign in with a one-time link's token. */
        SignInLink: {
            /** @description What follows `#token=` in the link. Works once. */
            token: string;
        };
        /** @description A stage of an event. */
        Stage: {
            /** Format: date-time */
            created_at: string;
            event_id: string;
            id: string;
            programme: components["schemas"]["Programme"];
            state: components["schemas"]["StageState"];
            title: string;
        };
        /** @description What to change about a stage; absent members stay. */
        StageChange: {
            title?: string | null;
        };
        /** @description How to join a stage. */
        StageEntry: {
            role: components["schemas"]["StageRole"];
        };
        /** @description How the programme's mixer is doing. */
        StageHealth: {
            /**
             * Format: double
             * @description CPU seconds per second.
             */
            cpu_cores: number;
            /**
             * Format: double
             * @description Frames per second of the programme.
             */
            fps: number;
            /**
             * Format: int64
             * @description Frames that came too late for the picture.
             */
            late_frames: number;
            /**
             * Format: double
             * @description Loudness of the programme in dBFS.
             */
            level_dbfs: number;
            /**
             * Format: int32
             * @description Times the mixer was restarted.
             */
            restarts: number;
            /**
             * Format: int32
             * @description Tracks that reach the mixer.
             */
            sources: number;
            /**
             * Format: int64
             * @description Bytes of them.
             */
            waiting_bytes: number;
            /**
             * Format: int64
             * @description Segment files that wait for storage.
             */
            waiting_files: number;
        };
        /** @description What joining a stage gives. */
        StageJoin: (components["schemas"]["RoomJoin"] & {
            /** @enum {string} */
            role: "backstage";
        }) | (components["schemas"]["Watch"] & {
            /** @enum {string} */
            role: "viewer";
        });
        /** @description All stages of an event, in the order in which they were made. */
        StageList: {
            items: components["schemas"]["Stage"][];
        };
        /**
         * @description As what to join a stage.
         * @enum {string}
         */
        StageRole: "backstage" | "viewer";
        /**
         * @description Where a stage is.
         * @enum {string}
         */
        StageState: "off_air" | "starting" | "live" | "ending" | "ended";
        /** @description Everything the control room shows. */
        StageStatus: {
            /** @description Everybody in the backstage room. */
            backstage: components["schemas"]["BackstageParticipant"][];
            /** Format: date-time */
            ended_at: string | null;
            health: components["schemas"]["StageHealth"] | null;
            /** @description Plays live and, at the same address, as the replay. */
            hls_url: string | null;
            /**
             * Format: date-time
             * @description When go-live was asked.
             */
            live_since: string | null;
            programme: components["schemas"]["Programme"];
            /**
             * Format: int64
             * @description Length of what is recorded, in milliseconds.
             */
            recorded_ms: number | null;
            replay: components["schemas"]["ReplaySummary"] | null;
            /** @description Asset of the running recording, or of the last one. */
            replay_id: string | null;
            /**
             * Format: date-time
             * @description Storage has everything up to this moment.
             */
            saved_up_to: string | null;
            stage_id: string;
            state: components["schemas"]["StageState"];
            /** @description What is wrong at the moment, for people; the system keeps trying. */
            trouble: string | null;
            /** Format: int32 */
            viewers: number;
        };
        /** @description An upload and what is left to do. Put each part that is not `done` to its `url`, then complete it. */
        Upload: {
            event_id: string;
            file_name: string;
            id: string;
            /**
             * Format: int64
             * @description Every part but the last has this size.
             */
            part_size_bytes: number;
            parts: components["schemas"]["UploadPart"][];
            /** @description The replay that it becomes. */
            replay_id: string;
            /** Format: int64 */
            size_bytes: number;
            state: components["schemas"]["UploadState"];
        };
        /** @description One part of an upload. */
        UploadPart: {
            /** @description Storage has it. */
            done: boolean;
            /**
             * Format: int32
             * @description From 1.
             */
            number: number;
            /** @description PUT the bytes here within the hour; `null` when done, and beyond the next hundred parts (ask again). */
            url: string | null;
        };
        /**
         * @description Life of an upload.
         * @enum {string}
         */
        UploadState: "waiting" | "complete" | "cancelled" | "errored";
        /** @description How many watch a stage. */
        Viewers: {
            /** Format: int32 */
            viewers: number;
        };
        /** @description What a viewer of a stage plays. */
        Watch: {
            /** @description The live playlist while the stage is on air, afterwards the newest replay; `null` before the first. */
            hls_url: string | null;
            /** Format: date-time */
            live_since: string | null;
            state: components["schemas"]["StageState"];
            /** Format: int32 */
            viewers: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
