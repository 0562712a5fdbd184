// Limits of the service that forms check before they are sent.

/** How many organizations a token can have access to. */
export const MAX_ORGANIZATIONS = 100;

/** How many characters a description of a token can have. */
export const MAX_DESCRIPTION_LENGTH = 255;
