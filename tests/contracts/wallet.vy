# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A contract wallet for tests
@notice Accepts what its owner signed (EIP-1271), says no, or burns all the gas it is given.
"""

EIP1271_YES: constant(bytes4) = 0x1626ba7e
EIP1271_NO: constant(bytes4) = 0xffffffff

owner: public(address)
burning: public(bool)


@deploy
def __init__(owner: address):
    self.owner = owner


@external
def set_burning(burning: bool):
    self.burning = burning


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    if self.burning:
        raise UNREACHABLE  # INVALID: all the gas is gone
    # The first 65 bytes count; a longer signature is how real wallets differ from plain keys.
    if len(signature) < 65:
        return EIP1271_NO
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    signer: address = ecrecover(digest, v, r, s)
    if signer != self.owner or signer == empty(address):
        return EIP1271_NO
    return EIP1271_YES
