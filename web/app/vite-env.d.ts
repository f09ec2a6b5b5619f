/// <reference types="vite/client" />
/// <reference types="@lingui/vite-plugin/po" />
