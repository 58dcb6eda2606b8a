"""The MCP server: find, read and buy what is for sale, as tools of an agent."""
