# pragma version 0.4.3
# pragma evm-version cancun
"""
@title The demo dollar
@notice Behaves as the production token does towards those who pay with signed authorizations:
        the same checks in the same order with the same texts. One owner holds every office.
@dev Vyper has no overloading: the named functions take the signature as bytes, and __default__
     answers the (v, r, s) forms of the same names by joining r, s and v.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

event AuthorizationCanceled:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

event Mint:
    minter: indexed(address)
    receiver: indexed(address)
    amount: uint256

event Blacklisted:
    account: indexed(address)

event UnBlacklisted:
    account: indexed(address)

event Pause: pass

event Unpause: pass

# A passkey wallet's signature is well below this; memory is paid for by its largest size.
SIGNATURE_BYTES_MAX: constant(uint256) = 1024

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
TRANSFER_WITH_AUTHORIZATION_TYPEHASH: public(constant(bytes32)) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
RECEIVE_WITH_AUTHORIZATION_TYPEHASH: public(constant(bytes32)) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
CANCEL_AUTHORIZATION_TYPEHASH: public(constant(bytes32)) = keccak256(
    "CancelAuthorization(address authorizer,bytes32 nonce)"
)
PERMIT_TYPEHASH: public(constant(bytes32)) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
EIP1271_YES: constant(bytes32) = 0x1626ba7e00000000000000000000000000000000000000000000000000000000
LOW_S_MAX: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)  # half the order of secp256k1

symbol: public(constant(String[4])) = "USDC"
decimals: public(constant(uint8)) = 6

name: public(String[32])
version: public(String[32])
owner: public(address)
paused: public(bool)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
nonces: public(HashMap[address, uint256])
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])
isBlacklisted: public(HashMap[address, bool])


@deploy
def __init__(name: String[32], version: String[32], owner: address):
    self.name = name
    self.version = version
    self.owner = owner


# Payments by authorization


@external
def transferWithAuthorization(
    sender: address,
    receiver: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    signature: Bytes[SIGNATURE_BYTES_MAX],
):
    self._pay(
        TRANSFER_WITH_AUTHORIZATION_TYPEHASH,
        sender, receiver, amount, valid_after, valid_before, nonce, signature,
    )


@external
def receiveWithAuthorization(
    sender: address,
    receiver: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    signature: Bytes[SIGNATURE_BYTES_MAX],
):
    self._pay(
        RECEIVE_WITH_AUTHORIZATION_TYPEHASH,
        sender, receiver, amount, valid_after, valid_before, nonce, signature,
    )


@external
def cancelAuthorization(
    authorizer: address, nonce: bytes32, signature: Bytes[SIGNATURE_BYTES_MAX]
):
    self._cancel(authorizer, nonce, signature)


@external
def permit(
    owner: address,
    spender: address,
    amount: uint256,
    deadline: uint256,
    signature: Bytes[SIGNATURE_BYTES_MAX],
):
    self._permit(owner, spender, amount, deadline, signature)


@external
def __default__():
    selector: bytes4 = convert(slice(msg.data, 0, 4), bytes4)
    if selector == method_id(
        "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)", output_type=bytes4
    ):
        authorizer: address = empty(address)
        nonce: bytes32 = empty(bytes32)
        authorizer, nonce = abi_decode(slice(msg.data, 4, 64), (address, bytes32))
        self._cancel(authorizer, nonce, self._joined_signature(68))
    elif selector == method_id(
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", output_type=bytes4
    ):
        owner: address = empty(address)
        spender: address = empty(address)
        amount: uint256 = 0
        deadline: uint256 = 0
        owner, spender, amount, deadline = abi_decode(
            slice(msg.data, 4, 128), (address, address, uint256, uint256)
        )
        self._permit(owner, spender, amount, deadline, self._joined_signature(132))
    else:
        self._pay_by_parts(selector)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    return self._domain_separator()


# The plain token


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self._not_paused()
    self._not_blacklisted(msg.sender)
    self._not_blacklisted(receiver)
    self._transfer(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    self._not_paused()
    self._not_blacklisted(msg.sender)
    self._not_blacklisted(sender)
    self._not_blacklisted(receiver)
    assert amount <= self.allowance[sender][msg.sender], "ERC20: transfer amount exceeds allowance"
    self._transfer(sender, receiver, amount)
    self.allowance[sender][msg.sender] -= amount
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self._not_paused()
    self._not_blacklisted(msg.sender)
    self._not_blacklisted(spender)
    self._approve(msg.sender, spender, amount)
    return True


# The owner's offices


@external
def mint(receiver: address, amount: uint256) -> bool:
    self._not_paused()
    assert msg.sender == self.owner, "FiatToken: caller is not a minter"
    self._not_blacklisted(msg.sender)
    self._not_blacklisted(receiver)
    assert receiver != empty(address), "FiatToken: mint to the zero address"
    assert amount > 0, "FiatToken: mint amount not greater than 0"
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log Mint(minter=msg.sender, receiver=receiver, amount=amount)
    log Transfer(sender=empty(address), receiver=receiver, value=amount)
    return True


@external
def blacklist(account: address):
    assert msg.sender == self.owner, "Blacklistable: caller is not the blacklister"
    self.isBlacklisted[account] = True
    log Blacklisted(account=account)


@external
def unBlacklist(account: address):
    assert msg.sender == self.owner, "Blacklistable: caller is not the blacklister"
    self.isBlacklisted[account] = False
    log UnBlacklisted(account=account)


@external
def pause():
    assert msg.sender == self.owner, "Pausable: caller is not the pauser"
    self.paused = True
    log Pause()


@external
def unpause():
    assert msg.sender == self.owner, "Pausable: caller is not the pauser"
    self.paused = False
    log Unpause()


@internal
def _pay_by_parts(selector: bytes4):
    typehash: bytes32 = TRANSFER_WITH_AUTHORIZATION_TYPEHASH
    if selector != method_id(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
        output_type=bytes4,
    ):
        assert selector == method_id(
            "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
            output_type=bytes4,
        )
        typehash = RECEIVE_WITH_AUTHORIZATION_TYPEHASH
    sender: address = empty(address)
    receiver: address = empty(address)
    amount: uint256 = 0
    valid_after: uint256 = 0
    valid_before: uint256 = 0
    nonce: bytes32 = empty(bytes32)
    sender, receiver, amount, valid_after, valid_before, nonce = abi_decode(
        slice(msg.data, 4, 192), (address, address, uint256, uint256, uint256, bytes32)
    )
    self._pay(
        typehash, sender, receiver, amount, valid_after, valid_before, nonce,
        self._joined_signature(196),
    )


@internal
@view
def _joined_signature(start: uint256) -> Bytes[65]:
    v: uint8 = 0
    r: bytes32 = empty(bytes32)
    s: bytes32 = empty(bytes32)
    v, r, s = abi_decode(slice(msg.data, start, 96), (uint8, bytes32, bytes32))
    return concat(r, s, convert(v, bytes1))


@internal
def _pay(
    typehash: bytes32,
    sender: address,
    receiver: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    signature: Bytes[SIGNATURE_BYTES_MAX],
):
    self._not_paused()
    self._not_blacklisted(sender)
    self._not_blacklisted(receiver)
    if typehash == RECEIVE_WITH_AUTHORIZATION_TYPEHASH:
        assert receiver == msg.sender, "FiatTokenV2: caller must be the payee"
    assert block.timestamp > valid_after, "FiatTokenV2: authorization is not yet valid"
    assert block.timestamp < valid_before, "FiatTokenV2: authorization is expired"
    self._unused(sender, nonce)
    struct_hash: bytes32 = keccak256(
        abi_encode(typehash, sender, receiver, amount, valid_after, valid_before, nonce)
    )
    assert self._signed(sender, struct_hash, signature), "FiatTokenV2: invalid signature"
    self.authorizationState[sender][nonce] = True
    log AuthorizationUsed(authorizer=sender, nonce=nonce)
    self._transfer(sender, receiver, amount)


@internal
def _cancel(authorizer: address, nonce: bytes32, signature: Bytes[SIGNATURE_BYTES_MAX]):
    self._not_paused()
    self._unused(authorizer, nonce)
    struct_hash: bytes32 = keccak256(abi_encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce))
    assert self._signed(authorizer, struct_hash, signature), "FiatTokenV2: invalid signature"
    self.authorizationState[authorizer][nonce] = True
    log AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@internal
def _permit(
    owner: address,
    spender: address,
    amount: uint256,
    deadline: uint256,
    signature: Bytes[SIGNATURE_BYTES_MAX],
):
    self._not_paused()
    self._not_blacklisted(owner)
    self._not_blacklisted(spender)
    assert deadline >= block.timestamp, "FiatTokenV2: permit is expired"
    struct_hash: bytes32 = keccak256(
        abi_encode(PERMIT_TYPEHASH, owner, spender, amount, self.nonces[owner], deadline)
    )
    self.nonces[owner] += 1
    assert self._signed(owner, struct_hash, signature), "EIP2612: invalid signature"
    self._approve(owner, spender, amount)


@internal
@view
def _signed(signer: address, struct_hash: bytes32, signature: Bytes[SIGNATURE_BYTES_MAX]) -> bool:
    digest: bytes32 = keccak256(concat(x"1901", self._domain_separator(), struct_hash))
    # Code at the signer's address, a delegated account's too, means that only it may say yes.
    if signer.codesize > 0:
        success: bool = False
        answer: Bytes[32] = b""
        success, answer = raw_call(
            signer,
            abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)")),
            max_outsize=32,
            is_static_call=True,
            revert_on_failure=False,
        )
        return success and len(answer) == 32 and convert(answer, bytes32) == EIP1271_YES
    assert len(signature) == 65, "ECRecover: invalid signature length"
    r: bytes32 = convert(slice(signature, 0, 32), bytes32)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    assert s <= LOW_S_MAX, "ECRecover: invalid signature 's' value"
    assert v == 27 or v == 28, "ECRecover: invalid signature 'v' value"
    recovered: address = ecrecover(digest, v, convert(r, uint256), s)
    assert recovered != empty(address), "ECRecover: invalid signature"
    return recovered == signer


@internal
@view
def _domain_separator() -> bytes32:
    return keccak256(
        abi_encode(
            DOMAIN_TYPEHASH, keccak256(self.name), keccak256(self.version), chain.id, self
        )
    )


@internal
def _transfer(sender: address, receiver: address, amount: uint256):
    assert sender != empty(address), "ERC20: transfer from the zero address"
    assert receiver != empty(address), "ERC20: transfer to the zero address"
    assert amount <= self.balanceOf[sender], "ERC20: transfer amount exceeds balance"
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, value=amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    assert owner != empty(address), "ERC20: approve from the zero address"
    assert spender != empty(address), "ERC20: approve to the zero address"
    self.allowance[owner][spender] = amount
    log Approval(owner=owner, spender=spender, value=amount)


@internal
@view
def _unused(authorizer: address, nonce: bytes32):
    assert not self.authorizationState[authorizer][nonce], "FiatTokenV2: authorization is used or canceled"


@internal
@view
def _not_paused():
    assert not self.paused, "Pausable: paused"


@internal
@view
def _not_blacklisted(account: address):
    assert not self.isBlacklisted[account], "Blacklistable: account is blacklisted"
