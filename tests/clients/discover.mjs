// Lists and searches what is for sale, as programs of the official packages do.
import { HTTPFacilitatorClient } from "@x402/core/http";
import { validateDiscoveryExtension, withBazaar } from "@x402/extensions/bazaar";

const [url, query] = process.argv.slice(2);
const { bazaar } = withBazaar(new HTTPFacilitatorClient({ url })).extensions;
const listed = await bazaar.listResources({ type: "http", limit: 10 });
const found = await bazaar.search({ query, limit: 10 });
const checked = listed.items.map((item) => validateDiscoveryExtension(item.extensions.bazaar));
console.log(JSON.stringify({ listed, found, checked }));
