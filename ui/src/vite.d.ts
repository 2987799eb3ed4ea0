/// <reference types="vite/client" />

/** Whether the in-memory host is part of this build; false in the product. */
declare const __DESIGN__: boolean;
